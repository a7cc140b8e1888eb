/**
 * Saving while other processes save the same session all the time.
 */
import { SessionHttp } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as HttpRouter from "#test/HttpRouter"
import { expect, it } from "#test/vitest"
import { AppSession, probe, serve } from "../support/http.js"

it.live("a save gets through although what it waited for is out of date in a few milliseconds", () =>
  Effect.gen(function* () {
    let conflicts = 0
    let known = Date.now()
    const { provider } = probe((memory) => ({
      read: (id) =>
        Effect.tap(memory.read(id), () =>
          Effect.sync(() => {
            known = Date.now()
          })
        ),
      write: (id, payload, ttl, revision) =>
        Effect.gen(function* () {
          // Another process: it wins the first few times, and whenever this one bases its write on what it knew a moment ago.
          if (conflicts++ < 6 || Date.now() > known + 1) {
            const { payload, revision } = Option.getOrThrow(yield* memory.read(id))
            yield* memory.write(id, payload, ttl, revision)
          }
          const result = yield* memory.write(id, payload, ttl, revision)
          known = Date.now()
          return result
        })
    }))
    const visit = Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1))
    const app = HttpRouter.empty.pipe(
      HttpRouter.get(
        "/",
        Effect.map(visit, (visits) => HttpServerResponse.text(`${visits}`))
      ),
      HttpRouter.use(SessionHttp.middleware(AppSession))
    )
    const server = yield* serve(app, { timeout: "10 seconds" }, provider)
    const { cookie } = yield* server.send("/")
    expect(yield* server.as(cookie)("/")).toMatchObject({ status: 200, body: "2" })
    expect(conflicts).toBeGreaterThan(6)
  }).pipe(Effect.scoped)
)
