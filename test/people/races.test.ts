/**
 * Requests of a session that are under way while it becomes somebody else's, or ends under a later id.
 */
import { SessionManager } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Memory from "effect-session/memory"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Layer from "#effect/Layer"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { type Browser, type Handler, increment, principal, signIn, signOut, site } from "./site.js"

/** What a request that was under way is told, if its handler has read its session and goes on after `meanwhile`. */
const during = <A>(browser: Browser, handler: Handler<A>, meanwhile: Effect.Effect<unknown>) =>
  Effect.gen(function* () {
    const [reading, going] = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
    const request = yield* Effect.forkChild(
      browser.lose((session) =>
        Effect.gen(function* () {
          yield* session.get("count")
          yield* Deferred.succeed(reading, undefined)
          yield* Deferred.await(going)
          return yield* handler(session)
        })
      )
    )
    yield* Deferred.await(reading)
    yield* meanwhile
    yield* Deferred.succeed(going, undefined)
    return yield* Fiber.join(request)
  })

describe.each([{}, { id: { renewEvery: "10 minutes" } }] as const)(
  "a change of rights under way, with %o",
  (options) => {
    it.effect("does not bring back a person once somebody else has signed in", () =>
      Effect.gen(function* () {
        const { browser, send } = yield* site(options)
        const shared = browser()
        yield* shared.go(signIn("ada"))
        yield* shared.go(increment)
        const late = yield* during(shared, (session) => session.regenerate, shared.go(signIn("bob")))
        const cookie = late.setCookie[0]?.split(";")[0]
        const seen = yield* send(cookie, (session) => Effect.all([principal(session), session.get("count")]))
        expect(seen.body).toEqual([null, 0])
        expect((yield* shared.go(principal)).body).toBe("bob")
      })
    )

    it.effect("does not bring back a session that has signed out under its new id", () =>
      Effect.gen(function* () {
        const { browser, send } = yield* site(options)
        const ada = browser()
        yield* ada.go(signIn("ada"))
        yield* ada.go(increment)
        const meanwhile = Effect.andThen(
          ada.go((session) => session.regenerate),
          Effect.suspend(() => ada.go(signOut))
        )
        const late = yield* during(ada, (session) => session.regenerate, meanwhile)
        const cookie = late.setCookie[0]?.split(";")[0]
        const seen = yield* send(cookie, (session) => Effect.all([principal(session), session.get("count")]))
        expect(seen.body).toEqual([null, 0])
      })
    )

    it.effect("and its writes do not reach the second of two people who signed in meanwhile", () =>
      Effect.gen(function* () {
        const { browser } = yield* site(options)
        const shared = browser()
        yield* shared.go(increment)
        const both = Effect.andThen(
          shared.go(signIn("ada")),
          Effect.suspend(() => shared.go(signIn("bob")))
        )
        const late = yield* during(shared, increment, both)
        expect(late.setCookie).toEqual([])
        expect((yield* shared.go((session) => Effect.all([principal(session), session.get("count")]))).body).toEqual([
          "bob",
          0
        ])
      })
    )

    it.effect("leaves each of two answers signed in", () =>
      Effect.gen(function* () {
        const { browser, send } = yield* site(options)
        const ada = browser()
        yield* ada.go(signIn("ada"))
        const late = yield* during(
          ada,
          (session) => session.regenerate,
          ada.go((session) => session.regenerate)
        )
        expect((yield* send(late.setCookie[0]?.split(";")[0], principal)).body).toBe("ada")
        expect((yield* ada.go(principal)).body).toBe("ada")
      })
    )
  }
)

describe("a change of rights under way in sealed cookies with revocations", () => {
  it.effect("does not bring back a person once somebody else has signed in", () =>
    Effect.gen(function* () {
      const layer = SessionManager.layerSealed({ gcInterval: "3650 days" }).pipe(
        Layer.provide(Cookie.layer({ keys: [key()], revocations: Memory.layer() }))
      )
      const { browser, send } = yield* site({}, layer)
      const shared = browser()
      yield* shared.go(signIn("ada"))
      yield* shared.go(increment)
      const late = yield* during(shared, (session) => session.regenerate, shared.go(signIn("bob")))
      const seen = yield* send(late.setCookie[0]?.split(";")[0], (session) =>
        Effect.all([principal(session), session.get("count")])
      )
      expect(seen.body).toEqual([null, 0])
      expect((yield* shared.go(principal)).body).toBe("bob")
    })
  )
})
