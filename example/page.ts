/**
 * The demo's one page.
 */
import { createHash } from "node:crypto"
import * as Option from "#effect/Option"

const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

const style = `
:root { color-scheme: light dark; --ink: #1d2433; --paper: #f6f5f1; --card: #fff; --line: #dedbd2; --accent: #3454d1; --soft: #6b7280 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e6e1; --paper: #15171c; --card: #1e2128; --line: #333843; --accent: #8fa4ff; --soft: #9aa1ad } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { width: min(30rem, calc(100vw - 2rem)); margin: 2rem 0; display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem }
header { display: flex; align-items: baseline; justify-content: space-between; gap: 1rem }
h1 { font-size: 1.35rem; margin: 0; letter-spacing: -.01em }
h2 { font-size: .8rem; margin: 0 0 .6rem; text-transform: uppercase; letter-spacing: .08em; color: var(--soft) }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.1rem 1.25rem }
form { display: flex; gap: .5rem }
input { flex: 1; min-width: 0; font: inherit; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: 8px; background: var(--paper); color: inherit }
button { font: inherit; font-weight: 600; padding: .5rem 1rem; border: 0; border-radius: 8px; background: var(--accent); color: var(--card); cursor: pointer }
button.quiet { background: none; color: var(--accent); padding-inline: .25rem }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.count { font-size: 2.5rem; font-weight: 700; line-height: 1; font-variant-numeric: tabular-nums }
.soft { color: var(--soft) }
.notice { border-left: 4px solid var(--accent) }
ul { margin: .75rem 0 0; padding-left: 1.2rem }
p { margin: 0 }
.grow { flex: 1; align-self: center }
.below { margin-top: .75rem }`

/** The headers of all responses. The page needs its own style and forms, and nothing else. */
export const headers = {
  // A signed-in visitor's page must not come back with the back button.
  "cache-control": "no-store",
  "content-security-policy": [
    "default-src 'none'",
    `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'"
  ].join("; "),
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
}

export interface Model {
  readonly backend: string
  readonly name: Option.Option<string>
  readonly visits: number
  readonly cart: ReadonlyArray<string>
  readonly notice: Option.Option<string>
}

export const page = ({ backend, cart, name, notice, visits }: Model): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>effect-session demo</title>
<style>${style}</style>
<main>
  <header><h1>effect-session</h1><span class="soft">sessions in ${escape(backend)}</span></header>
  ${Option.match(notice, {
    onNone: () => "",
    onSome: (text) => `<section class="notice" role="status"><p>${escape(text)}</p></section>`
  })}
  <section aria-labelledby="who">
    <h2 id="who">Who is asking</h2>
    ${Option.match(name, {
      onNone: () => `<form method="post" action="/login">
      <input name="name" aria-label="Your name" placeholder="Your name" required maxlength="80" autocomplete="name">
      <button>Sign in</button>
    </form>`,
      onSome: (name) => `<form method="post" action="/logout">
      <p class="grow">Signed in as <strong id="name">${escape(name)}</strong></p>
      <button class="quiet">Sign out</button>
    </form>`
    })}
  </section>
  <section aria-labelledby="visits-title">
    <h2 id="visits-title">Visits counted</h2>
    <form method="post" action="/visits">
      <p class="grow"><span class="count" id="visits">${visits}</span></p>
      <button>Count one more</button>
    </form>
  </section>
  <section aria-labelledby="cart-title">
    <h2 id="cart-title">Cart</h2>
    <form method="post" action="/cart">
      <input name="item" aria-label="Item" placeholder="An item" required maxlength="80">
      <button>Add</button>
    </form>
    ${
      cart.length === 0
        ? `<p class="soft below">Nothing in it yet.</p>`
        : `<ul id="cart">${cart.map((item) => `<li>${escape(item)}</li>`).join("")}</ul>`
    }
  </section>
</main>
</html>`
