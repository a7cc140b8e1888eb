/**
 * Saving while other processes save the same session all the time.
 */
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { expect, it } from "#test/vitest"
import { probe, serve } from "../support/http.js"
import { counting } from "../support/visits.js"

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
    const server = yield* serve(counting, { timeout: "10 seconds" }, provider)
    const { cookie } = yield* server.send("/")
    expect(yield* server.as(cookie)("/")).toMatchObject({ status: 200, body: "2" })
    expect(conflicts).toBeGreaterThan(6)
  }).pipe(Effect.scoped)
)
