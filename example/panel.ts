/**
 * The demo's panel: what the library did for this visitor. `client.js` fills it from the server's events.
 */
import { readFileSync } from "node:fs"
import { escape } from "./layout.js"

/** How this demo was started. */
const command = `npm run ${process.env["npm_lifecycle_event"] ?? "example"}`

const backends: ReadonlyArray<readonly [name: string, variables: string]> = [
  ["memory", ""],
  ["files", "SESSION_PROVIDER=file SESSION_URL=./sessions "],
  ["SQLite", "SESSION_PROVIDER=sqlite SESSION_URL=./sessions.db "],
  ["Redis", "SESSION_PROVIDER=redis SESSION_URL=redis://127.0.0.1:6379 "],
  ["sealed cookies", "SESSION_PROVIDER=cookie SESSION_KEYS=$(openssl rand -base64 32) "]
]

const commands = backends
  .map(([name, variables]) => `<dt>${name}</dt><dd><code>${escape(variables + command)}</code></dd>`)
  .join("")

export const script = readFileSync(new URL("client.js", import.meta.url), "utf8")

export const panel = `<aside aria-label="Behind the page">
  <section class="scripted" aria-labelledby="panel-title">
    <h2 id="panel-title">What the library did</h2>
    <p id="news" role="status"></p>
    <p id="live">Connecting to the server.</p>
    <h3>Your last requests, and their calls of the backend</h3>
    <ul class="rows" id="requests"></ul>
    <h3>What happened to your session</h3>
    <ul class="rows" id="events"></ul>
  </section>
  <section>
    <details>
      <summary>Try another backend</summary>
      <p class="below soft">Stop the demo and start it again with one of these. Leave this page open.</p>
      <dl>${commands}</dl>
    </details>
  </section>
</aside>
<script src="/client.js"></script>`
