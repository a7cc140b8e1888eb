/**
 * Both packages on one backend: what each stores, the other reads.
 */
import { randomBytes } from "node:crypto"
import { expect, it } from "vitest"
import { bun, folder, lines, project } from "./project.js"

/** Counts one more in the session of a cookie, and prints the count and the visitor's cookies by now. */
const program = (http: string) => `${http}
import { Effect, Redacted, Schema } from "effect"
import { SessionHttp, SessionLayer, SessionStore } from "effect-session"
const [backend, directory, key, cookie] = process.argv.slice(2)
class Visits extends SessionStore.Tag()("Visits", { n: SessionStore.field(Schema.Int, { default: () => 0 }) }) {}
const count = Effect.flatMap(Visits, (session) => session.update("n", (n) => n + 1))
const app = SessionHttp.middleware(Visits)(Effect.map(count, (n) => HttpServerResponse.text(String(n))))
const layer = backend === "file" ? SessionLayer.file({ directory }) : SessionLayer.cookie({ keys: [Redacted.make(key)] })
const { dispose, handler } = HttpEffect.toWebHandlerLayer(app, layer)
const response = await handler(new Request("http://localhost/", { headers: { cookie } }))
const set = response.headers.getSetCookie()[0]?.split(";")[0]
console.log(await response.text(), set ?? cookie)
await dispose()
`

export const moving = () => {
  for (const backend of ["file", "cookie"]) {
    it.concurrent(`a session in a ${backend} goes from one to the other and back`, async () => {
      const apps = lines.map((line) => ({ app: project(`moving-${backend}-${line.effect}`, line), line }))
      await Promise.all(
        apps.map(({ app, line: { beside, http, tarball } }) => {
          app.write("app.mjs", program(http))
          return app.run(bun(), "add", "--ignore-scripts", `effect-session@file:${tarball}`, ...beside)
        })
      )
      const key = randomBytes(32).toString("hex")
      let cookie = ""
      for (const [i, { app }] of [...apps, ...apps].entries()) {
        const [counted, now = ""] = (await app.run("node", "app.mjs", backend, `${folder}/sessions`, key, cookie))
          .trim()
          .split(" ")
        expect(counted).toBe(`${i + 1}`)
        cookie = now
      }
    })
  }
}
