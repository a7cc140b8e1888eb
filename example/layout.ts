/**
 * What the demo's pages share: their frame, style and headers.
 */
import { createHash } from "node:crypto"

export const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

const style = `
:root { color-scheme: light dark; --ink: #1d2433; --paper: #f6f5f1; --card: #fff; --line: #dedbd2; --accent: #3454d1; --soft: #5a6170 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e6e1; --paper: #15171c; --card: #1e2128; --line: #333843; --accent: #8fa4ff; --soft: #a6adb9 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
.page { width: min(30rem, calc(100vw - 2rem)); margin: 2rem 0; display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem }
main, aside { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; align-content: start }
@media (min-width: 60rem) { .page:has(aside) { width: min(60rem, calc(100vw - 4rem)); grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) } }
header { display: flex; align-items: baseline; justify-content: space-between; gap: 1rem }
h1 { font-size: 1.35rem; margin: 0; letter-spacing: -.01em }
h2, h3 { font-size: .8rem; margin: 0 0 .6rem; text-transform: uppercase; letter-spacing: .08em; color: var(--soft) }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.1rem 1.25rem }
form { display: flex; gap: .5rem }
input { font: inherit; color: inherit }
input:not([type=checkbox]) { flex: 1; min-width: 0; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: 8px; background: var(--paper) }
button { font: inherit; font-weight: 600; padding: .5rem 1rem; border: 0; border-radius: 8px; background: var(--accent); color: var(--card); cursor: pointer }
button.quiet { background: none; color: var(--accent); padding-inline: .25rem; white-space: nowrap }
a { color: var(--accent) }
label { display: flex; align-items: center; gap: .5rem; flex-basis: 100% }
input[type=checkbox] { width: 1rem; height: 1rem; margin: 0; accent-color: var(--accent) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.count { font-size: 2.5rem; font-weight: 700; line-height: 1; font-variant-numeric: tabular-nums }
.soft { color: var(--soft) }
::placeholder { color: var(--soft); opacity: 1 }
.notice { border-left: 4px solid var(--accent) }
ul { margin: .75rem 0 0; padding-left: 1.2rem }
p { margin: 0; overflow-wrap: anywhere }
.wrap { flex-wrap: wrap }
.grow { flex: 1; min-width: 0; align-self: center }
.wrap .grow { flex-basis: 12rem }
.below { margin-top: .75rem }
.below:empty { margin: 0 }
.devices { list-style: none; margin: 0; padding: 0 }
.devices li { display: flex; gap: .75rem; padding: .75rem 0; border-top: 1px solid var(--line) }
.devices li:first-child { padding-top: 0; border-top: 0 }
.devices li:last-child { padding-bottom: 0 }
.here { font-size: .8rem; font-weight: 600; color: var(--accent); border: 1px solid; border-radius: 99px; padding: .1rem .5rem; white-space: nowrap }
html:not(.js) .scripted { display: none }
h3 { margin-top: 1.1rem; text-transform: none; letter-spacing: 0 }
h3:has(+ ul:empty) { display: none }
.page:has(aside) { align-self: start }
.rows { list-style: none; margin: 0; padding: 0; font-size: .8125rem }
.rows li { display: flex; flex-wrap: wrap; gap: .1rem .6rem; padding: .35rem 0; border-top: 1px solid var(--line) }
.rows b { flex: 0 0 7rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
.rows span { flex: 1 1 10rem; min-width: 0; font-variant-numeric: tabular-nums }
summary { cursor: pointer; font-weight: 600; border-radius: 4px }
code { font: .8125rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
dl { margin: .75rem 0 0 }
dd { margin: 0 0 .5rem }
button[aria-disabled=true] { background: var(--soft); cursor: wait }
#news:not(:empty) { margin-bottom: .75rem; padding-left: .75rem; border-left: 4px solid var(--accent) }`

/** The headers of all responses. A page needs its own style, script and forms, and nothing else. */
export const headers = {
  // A signed-in visitor's page must not come back with the back button.
  "cache-control": "no-store",
  "content-security-policy": [
    "default-src 'none'",
    `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
    "script-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'"
  ].join("; "),
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
}

/** A page: a title, what stands beside it, sections, and what stands beside those, all of it HTML. */
export const layout = (
  title: string,
  beside: string,
  sections: ReadonlyArray<string>,
  aside = ""
): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · effect-session demo</title>
<style>${style}</style>
<div class="page">
<main>
  <header><h1>${title}</h1>${beside}</header>
  ${sections.join("\n  ")}
</main>
${aside}
</div>
</html>`

/** A page that leads back to the first one. */
export const subpage = (title: string, sections: ReadonlyArray<string>): string =>
  layout(title, `<a href="/">Back</a>`, sections)

/** A page that only says something. */
export const message = (title: string, text: string): string =>
  subpage(title, [`<section><p>${escape(text)}</p></section>`])
