/**
 * A program with sessions in memory, in files and in sealed cookies, on Node, Bun and Deno.
 */
import { expect, it } from "vitest"
import { bin, bun, type Project } from "./project.js"

/** Prints what two requests of one visitor count to, for each backend. */
const program = (http: string) => `${http}
import { Effect, Redacted, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { SessionHttp, SessionLayer, SessionStore } from "effect-session"
import "effect-session/memory"
import "effect-session/file"
import "effect-session/cookie"
class Visits extends SessionStore.Tag()("Visits", { n: SessionStore.field(Schema.Int, { default: () => 0 }) }) {}
const count = Effect.flatMap(Visits, (session) => session.update("n", (n) => n + 1))
const app = SessionHttp.middleware(Visits)(Effect.map(count, (n) => HttpServerResponse.text(String(n))))
const directory = mkdtempSync("sessions-")
const keys = [Redacted.make(randomBytes(32).toString("hex"))]
for (const layer of [SessionLayer.memory(), SessionLayer.file({ directory }), SessionLayer.cookie({ keys })]) {
  const { dispose, handler } = HttpEffect.toWebHandlerLayer(app, layer)
  const first = await handler(new Request("http://localhost/"))
  const cookie = first.headers.getSetCookie()[0].split(";")[0]
  const second = await handler(new Request("http://localhost/", { headers: { cookie } }))
  console.log(await first.text(), await second.text())
  await dispose()
}
rmSync(directory, { recursive: true })
`

export const programs = (app: Project, http: string) => {
  const runtimes: Record<string, ReadonlyArray<string>> = {
    Node: ["node"],
    Bun: [bun()],
    Deno: [bin("deno"), "run", "--allow-all"]
  }
  for (const [name, [runtime = "", ...options]] of Object.entries(runtimes)) {
    it.concurrent(`sessions in memory, in files and in cookies work on ${name}`, async () => {
      app.write(`app.${name}.mjs`, program(http))
      expect(await app.run(runtime, ...options, `app.${name}.mjs`)).toBe("1 2\n1 2\n1 2\n")
    })
  }
}
