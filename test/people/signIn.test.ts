/**
 * A person signs in, on one device or on several; the devices are listed and ended.
 */
import { SessionManager } from "effect-session"
import * as Memory from "effect-session/memory"
import * as DateTime from "#effect/DateTime"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { devices, increment, over, principal, Shop, signIn, signOut, site } from "./site.js"

const day = 24 * 3600

describe("a sign-in", () => {
  it.effect("keeps a visitor's cart, and ends the old id", () =>
    Effect.gen(function* () {
      const { browser, send } = yield* site()
      const ada = browser()
      yield* ada.go((session) => session.set("cart", "teapot"))
      const before = ada.cookie
      expect((yield* ada.go(principal)).body).toBe(null)
      const answer = yield* ada.go(signIn("ada"))
      expect(answer.status).toBe(200)
      expect(answer.maxAge).toBe(undefined)
      expect(ada.cookie).not.toBe(before)
      expect((yield* ada.go(principal)).body).toBe("ada")
      expect((yield* ada.go((session) => Effect.map(session.get("cart"), Option.getOrNull))).body).toBe("teapot")
      expect((yield* send(before, principal)).body).toBe(null)
    })
  )

  it.effect("of somebody else removes what the one before had, and keeps what is set after it", () =>
    Effect.gen(function* () {
      const { browser } = yield* site()
      const shared = browser()
      yield* shared.go(signIn("ada"))
      yield* shared.go((session) => session.set("cart", "teapot"))
      yield* shared.go(increment)
      const answer = yield* shared.go((session) =>
        Effect.gen(function* () {
          yield* session.signIn("bob")
          yield* session.set("agent", "Firefox")
          return [yield* session.get("cart"), yield* principal(session)]
        })
      )
      expect(answer.body[1]).toBe("bob")
      const seen = yield* shared.go((session) =>
        Effect.map(
          Effect.all([session.get("cart"), session.get("agent"), session.get("count")]),
          ([cart, agent, count]) => [Option.getOrNull(cart), Option.getOrNull(agent), count]
        )
      )
      expect(seen.body).toEqual([null, "Firefox", 0])
      expect((yield* shared.go(devices("ada"))).body).toEqual([])
      expect((yield* shared.go(devices("bob"))).body).toEqual([[expect.any(String), true]])
    })
  )

  it.effect("with nothing else stores a session", () =>
    Effect.gen(function* () {
      const { browser } = yield* site()
      const ada = browser()
      yield* ada.go(signIn("ada"))
      expect(ada.cookie).toBeDefined()
      expect((yield* ada.go(devices("ada"))).body).toHaveLength(1)
    })
  )

  it.effect("again is the same session in the list", () =>
    Effect.gen(function* () {
      const { browser } = yield* site()
      const ada = browser()
      yield* ada.go(signIn("ada"))
      const first = (yield* ada.go(devices("ada"))).body
      yield* ada.go(signIn("ada"))
      yield* ada.go((session) => session.regenerate)
      expect((yield* ada.go(devices("ada"))).body).toEqual(first)
    })
  )

  it.effect("needs a name for the person", () =>
    Effect.gen(function* () {
      const { browser } = yield* site()
      for (const wrong of ["", "x".repeat(1025), "\ud800"]) {
        const { body } = yield* browser().go((session) =>
          Effect.match(session.signIn(wrong), { onFailure: ({ reason }) => reason, onSuccess: () => "in" })
        )
        expect(body).toBe("InvalidValue")
      }
    })
  )

  it.effect("is needed again before what is sensitive", () =>
    Effect.gen(function* () {
      const { browser } = yield* site()
      const ada = browser()
      const sensitive = () => ada.go((session) => session.requireFresh("10 minutes"))
      expect((yield* sensitive()).status).toBe(401)
      yield* ada.go(signIn("ada"))
      expect((yield* sensitive()).status).toBe(200)
      yield* TestClock.adjust("10 minutes")
      expect((yield* sensitive()).status).toBe(200)
      yield* TestClock.adjust("1 second")
      expect((yield* sensitive()).status).toBe(401)
      yield* ada.go((session) => session.regenerate)
      expect((yield* sensitive()).status).toBe(401)
      yield* ada.go(signIn("ada"))
      expect((yield* sensitive()).status).toBe(200)
    })
  )
})

describe("the list", () => {
  it.effect("shows each device, with the app's own fields, and ends one, others or all", () =>
    Effect.gen(function* () {
      const { browser } = yield* site()
      const [one, two, three] = [browser(), browser(), browser()]
      for (const [i, device] of [one, two, three].entries()) {
        yield* device.go((session) => Effect.andThen(session.signIn("ada"), session.set("agent", `agent ${i}`)))
        yield* TestClock.adjust("1 minute")
      }
      yield* two.go((session) => session.touch)
      const listed = yield* two.go(() =>
        Effect.map(SessionManager.sessionsOf(Shop, "ada"), (all) =>
          all.map(({ get, expires, isCurrent, isRemembered, lastSeen, ref, started }) => [
            ref,
            Option.getOrNull(get("agent")),
            isCurrent,
            isRemembered,
            ...[started, lastSeen, expires].map((at) => DateTime.toEpochMillis(at) / 60_000)
          ])
        )
      )
      expect(listed.body).toEqual([
        [expect.any(String), "agent 0", false, false, 0, 0, 30],
        [expect.any(String), "agent 1", true, false, 1, 3, 33],
        [expect.any(String), "agent 2", false, false, 2, 2, 32]
      ])
      const refs = listed.body.map(([ref]: [string]) => ref)
      yield* two.go(() => SessionManager.endSession("bob", refs[0]))
      expect((yield* one.go(principal)).body).toBe("ada")
      yield* two.go(() => SessionManager.endSession("ada", refs[0]))
      expect((yield* one.go(principal)).body).toBe(null)
      expect((yield* two.go(devices("ada"))).body).toEqual([
        [refs[1], true],
        [refs[2], false]
      ])
      yield* one.go(signIn("ada"))
      yield* two.go(SessionManager.endOthers)
      expect((yield* one.go(principal)).body).toBe(null)
      expect((yield* three.go(principal)).body).toBe(null)
      expect((yield* two.go(principal)).body).toBe("ada")
      yield* three.go(() => SessionManager.endAll("ada"))
      expect((yield* two.go(principal)).body).toBe(null)
      expect((yield* two.go(devices("ada"))).body).toEqual([])
    })
  )

  it.effect("does not show who signed out, or expired", () =>
    Effect.gen(function* () {
      const { browser } = yield* site()
      const [one, two] = [browser(), browser()]
      yield* one.go(signIn("ada"))
      yield* two.go(signIn("ada"))
      yield* one.go(signOut)
      expect(one.cookie).toBe(undefined)
      expect((yield* two.go(devices("ada"))).body).toEqual([[expect.any(String), true]])
      yield* TestClock.adjust("30 minutes")
      expect((yield* two.go(devices("ada"))).body).toEqual([])
    })
  )

  it.effect("tells when a session was used, also where its end comes no later", () =>
    Effect.gen(function* () {
      const { browser } = yield* site({ idleTimeout: "30 days", absoluteTimeout: "30 days", touchEvery: "1 minute" })
      const ada = browser()
      yield* ada.go(signIn("ada"))
      yield* TestClock.adjust("90 minutes")
      yield* ada.go(principal)
      const { body } = yield* ada.go(() =>
        Effect.map(SessionManager.sessionsOf("ada"), (all) =>
          all.map(({ expires, lastSeen }) => [lastSeen, expires].map((at) => DateTime.toEpochMillis(at) / 60_000))
        )
      )
      expect(body).toEqual([[90, 30 * 24 * 60]])
    })
  )

  it.effect("is gone with everything", () =>
    Effect.gen(function* () {
      const { browser } = yield* site()
      const [ada, visitor] = [browser(), browser()]
      yield* ada.go(signIn("ada"))
      yield* visitor.go(increment)
      yield* TestClock.adjust("1 second")
      yield* browser().go(() => SessionManager.endEverything)
      expect((yield* ada.go(principal)).body).toBe(null)
      expect((yield* visitor.go((session) => session.get("count"))).body).toBe(0)
    })
  )
})

describe("a cap", () => {
  it.effect("ends the oldest", () =>
    Effect.gen(function* () {
      const { browser } = yield* site({ principals: { max: 2 } })
      const all = [browser(), browser(), browser()]
      for (const device of all) {
        yield* device.go(signIn("ada"))
      }
      expect(yield* Effect.forEach(all, (device) => Effect.map(device.go(principal), ({ body }) => body))).toEqual([
        null,
        "ada",
        "ada"
      ])
      // Who is gone already makes room.
      yield* all[1]!.go(signOut)
      yield* all[0]!.go(signIn("ada"))
      expect(yield* Effect.forEach(all, (device) => Effect.map(device.go(principal), ({ body }) => body))).toEqual([
        "ada",
        null,
        "ada"
      ])
    })
  )

  it.effect("refuses, and the visitor keeps what they have", () =>
    Effect.gen(function* () {
      const { browser } = yield* site({ principals: { max: 1, whenExceeded: "refuse" } })
      const [one, two] = [browser(), browser()]
      yield* one.go(signIn("ada"))
      yield* two.go((session) => session.set("cart", "teapot"))
      const cookie = two.cookie
      const refused = yield* two.go(signIn("ada"))
      expect([refused.status, refused.setCookie]).toEqual([403, []])
      const caught = yield* two.go((session) =>
        Effect.match(Effect.andThen(session.signIn("ada"), session.save), {
          onFailure: ({ reason }) => reason,
          onSuccess: () => "in"
        })
      )
      expect(caught.body).toBe("TooManySessions")
      expect(two.cookie).toBe(cookie)
      expect((yield* two.go((session) => Effect.map(session.get("cart"), Option.getOrNull))).body).toBe("teapot")
      expect((yield* two.go(principal)).body).toBe(null)
      // The same device may sign in again, and after a sign-out another one.
      expect((yield* one.go(signIn("ada"))).status).toBe(200)
      yield* one.go(signOut)
      expect((yield* two.go(signIn("ada"))).status).toBe(200)
    })
  )
})

describe("remember me", () => {
  const options = { remember: { idleTimeout: "14 days", absoluteTimeout: "30 days" } } as const

  it.effect("outlives the browser and the idle timeout, and is renewed as it is used", () =>
    Effect.gen(function* () {
      const { browser } = yield* site(options)
      const ada = browser()
      expect((yield* ada.go(signIn("ada", { remember: true }))).maxAge).toBe(14 * day)
      yield* TestClock.adjust("13 days")
      const later = yield* ada.go(principal)
      expect([later.body, later.maxAge]).toEqual(["ada", 14 * day])
      yield* TestClock.adjust("13 days")
      const capped = yield* ada.go(principal)
      expect([capped.body, capped.maxAge]).toEqual(["ada", 4 * day])
      const written = yield* ada.go(increment)
      expect(written.maxAge).toBe(4 * day)
      expect((yield* ada.go(principal)).setCookie).toEqual([])
      yield* TestClock.adjust("4 days")
      expect((yield* ada.go(principal)).body).toBe(null)
    })
  )

  it.effect("stays when the person signs in again, unless they say otherwise", () =>
    Effect.gen(function* () {
      const { browser } = yield* site(options)
      const ada = browser()
      yield* ada.go(signIn("ada", { remember: true }))
      expect((yield* ada.go(signIn("ada"))).maxAge).toBe(14 * day)
      expect((yield* ada.go((session) => session.regenerate)).maxAge).toBe(14 * day)
      expect((yield* ada.go(signIn("ada", { remember: false }))).maxAge).toBe(undefined)
      yield* TestClock.adjust("30 minutes")
      expect((yield* ada.go(principal)).body).toBe(null)
    })
  )
})

describe("a sign-out", () => {
  it.effect("clears what the browser has stored, if the configuration says so", () =>
    Effect.gen(function* () {
      const { browser } = yield* site({ clearSiteData: ["cache", "storage"] })
      const ada = browser()
      yield* ada.go(signIn("ada"))
      expect((yield* ada.go((session) => session.destroy)).headers.get("clear-site-data")).toBe(null)
      yield* ada.go(signIn("ada"))
      expect((yield* ada.go(signOut)).headers.get("clear-site-data")).toBe('"cache", "storage"')
    })
  )
})

describe("a deployment that lets sessions live longer", () => {
  it.effect("keeps those in the list that began before it", () =>
    Effect.gen(function* () {
      const provider = Memory.make()
      const before = yield* site({}, over(provider, { idleTimeout: "12 hours" }))
      const ada = before.browser()
      yield* ada.go(signIn("ada"))
      const after = yield* site({}, over(provider, { idleTimeout: "12 hours", absoluteTimeout: "7 days" }))
      const later = after.browser()
      later.cookie = ada.cookie
      for (let hours = 0; hours < 72; hours += 8) {
        yield* TestClock.adjust("8 hours")
        yield* later.go((session) => session.touch)
      }
      yield* after.browser().go(signIn("ada"))
      expect((yield* later.go(devices("ada"))).body).toHaveLength(2)
      yield* after.browser().go(() => SessionManager.endAll("ada"))
      expect((yield* later.go(principal)).body).toBe(null)
    })
  )
})
