/**
 * People whose sessions are in sealed cookies: what they get without a server's list.
 */
import { type SessionConfig, SessionManager } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { devices, type Handler, increment, principal, signIn, signOut, site } from "./site.js"

const sealed = (isRevocable: boolean, options: SessionConfig.Options = {}) =>
  site(
    options,
    SessionManager.layerSealed({ gcInterval: "3650 days", ...options }).pipe(
      Layer.provide(Cookie.layer({ keys: [key()], ...(isRevocable ? { revocations: Memory.layer() } : {}) }))
    )
  )

const reasonOf =
  (handler: Handler<unknown>): Handler<string> =>
  (session) =>
    Effect.match(handler(session), { onFailure: ({ reason }) => reason, onSuccess: () => "done" })

describe.each([true, false])("a sealed session, with revocations: %s", (isRevocable) => {
  it.effect("knows who signed in, when, and whether to remember them", () =>
    Effect.gen(function* () {
      const { browser } = yield* sealed(isRevocable, { id: { renewEvery: "1 hour" } })
      const ada = browser()
      yield* ada.go(increment)
      expect((yield* ada.go(signIn("ada", { remember: true }))).maxAge).toBe(14 * 24 * 3600)
      yield* TestClock.adjust("9 days")
      expect((yield* ada.go(principal)).body).toBe("ada")
      expect((yield* ada.go((session) => session.requireFresh("10 minutes"))).status).toBe(401)
      yield* ada.go(signIn("ada"))
      expect((yield* ada.go((session) => session.requireFresh("10 minutes"))).status).toBe(200)
      expect((yield* ada.go(increment)).body).toBe(2)
      yield* ada.go(signOut)
      expect((yield* ada.go(principal)).body).toBe(null)
    })
  )

  it.effect("cannot be listed, ended one by one, or waited for", () =>
    Effect.gen(function* () {
      const { browser } = yield* sealed(isRevocable)
      const ada = browser()
      yield* ada.go(signIn("ada"))
      for (const handler of [
        devices("ada"),
        () => SessionManager.endSession("ada", "any"),
        SessionManager.endOthers,
        () => SessionManager.endEverything,
        SessionManager.ended
      ] as ReadonlyArray<Handler<unknown>>) {
        expect((yield* ada.go(reasonOf(handler))).body).toBe("Unsupported")
      }
      const all = yield* ada.go(reasonOf(() => SessionManager.endAll("ada")))
      expect(all.body).toBe(isRevocable ? "done" : "Unsupported")
    })
  )
})

describe("all sealed sessions of a person", () => {
  it.effect("end at once, each copy; what begins afterwards lives, whatever the clocks say", () =>
    Effect.gen(function* () {
      const { browser, send } = yield* sealed(true)
      const [one, two, bob] = [browser(), browser(), browser()]
      yield* one.go(signIn("ada", { remember: true }))
      yield* two.go(signIn("ada"))
      yield* bob.go(signIn("bob"))
      yield* two.go(increment)
      const copies = [one.cookie, two.cookie]
      // A request that has read its session, and seals it afterwards.
      const late = yield* one.go((session) =>
        Effect.andThen(session.get("count"), Effect.andThen(SessionManager.endAll("ada"), increment(session)))
      )
      for (const cookie of [...copies, late.setCookie[0]?.split(";")[0]]) {
        expect((yield* send(cookie, principal)).body).toBe(null)
      }
      expect((yield* bob.go(principal)).body).toBe("bob")
      yield* two.go(signIn("ada"))
      expect((yield* two.go(principal)).body).toBe("ada")
      yield* TestClock.adjust("29 days")
      expect((yield* send(copies[0], principal)).body).toBe(null)
      yield* two.go(signIn("ada"))
      yield* two.go(() => SessionManager.endAll("ada"))
      expect((yield* two.go(principal)).body).toBe(null)
    })
  )
})
