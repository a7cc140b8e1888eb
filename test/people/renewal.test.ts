/**
 * Ids that are renewed by themselves, because they are old: the old one goes on for a while, and is watched after that.
 */
import { SessionManager } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { eventsWhile } from "../support/events.js"
import { type Browser, devices, type Handler, increment, principal, type Site, signIn, signOut, site } from "./site.js"

const options = { id: { renewEvery: "10 minutes" } } as const

const count = (browser: Browser) =>
  Effect.map(
    browser.go((session) => session.get("count")),
    ({ body }) => body
  )

/** A signed-in browser whose id is old. */
const aged = ({ browser }: Site) =>
  Effect.gen(function* () {
    const ada = browser()
    yield* ada.go(signIn("ada"))
    yield* ada.go(increment)
    yield* TestClock.adjust("10 minutes")
    return ada
  })

describe("an old id", () => {
  it.effect("is renewed by a request that reads, and by one that writes; the absolute end stays", () =>
    Effect.gen(function* () {
      for (const use of [principal, increment] as ReadonlyArray<Handler<unknown>>) {
        const shop = yield* site(options)
        const ada = yield* aged(shop)
        const before = ada.cookie
        expect((yield* ada.go(use)).setCookie).toHaveLength(1)
        expect(ada.cookie).not.toBe(before)
        expect((yield* ada.go(principal)).body).toBe("ada")
        expect((yield* ada.go(principal)).setCookie).toEqual([])
        expect(yield* count(ada)).toBe(use === increment ? 2 : 1)
        expect((yield* ada.go(devices("ada"))).body).toEqual([[expect.any(String), true]])
        for (let minutes = 10; minutes < 12 * 60 - 10; minutes += 10) {
          yield* TestClock.adjust("10 minutes")
          yield* ada.go(increment)
        }
        expect((yield* ada.go(principal)).body).toBe("ada")
        yield* TestClock.adjust("10 minutes")
        expect((yield* ada.go(principal)).body).toBe(null)
      }
    })
  )

  it.effect("is a visitor's too, and not renewed if the session is not used", () =>
    Effect.gen(function* () {
      const { browser } = yield* site(options)
      const visitor = browser()
      yield* visitor.go(increment)
      yield* TestClock.adjust("10 minutes")
      expect((yield* visitor.go(() => Effect.void)).setCookie).toEqual([])
      expect((yield* visitor.go((session) => session.get("count"))).setCookie).toHaveLength(1)
      expect(yield* count(visitor)).toBe(1)
    })
  )

  it.effect("is not renewed by requests that do not count as use", () =>
    Effect.gen(function* () {
      const ada = yield* aged(yield* site(options))
      const poll = ada.go((session) => Effect.andThen(session.keepIdle, session.get("count")))
      expect((yield* poll).setCookie).toEqual([])
      yield* TestClock.adjust("20 minutes")
      expect((yield* poll).body).toBe(0)
    })
  )

  it.effect("goes on for the grace, and its client is told the new one again", () =>
    Effect.gen(function* () {
      const shop = yield* site(options)
      const ada = yield* aged(shop)
      const lost = yield* ada.lose(increment)
      const again = yield* ada.lose(increment)
      const other = yield* ada.lose((session) => session.get("count"))
      const cookies = [lost, again, other].map(({ setCookie }) => setCookie[0]?.split(";")[0])
      expect(new Set(cookies).size).toBe(1)
      expect(cookies[0]).toBeDefined()
      expect(other.body).toBe(3)
      yield* TestClock.adjust("29 seconds")
      const last = yield* ada.go((session) =>
        Effect.zip(
          principal(session),
          Effect.map(session.get("count"), (n) => n)
        )
      )
      expect(last.body).toEqual(["ada", 3])
      expect(ada.cookie).toBe(cookies[0])
      expect((yield* ada.go(devices("ada"))).body).toEqual([[expect.any(String), true]])
    })
  )

  it.effect("is dead after the grace, and its use is an event; by option it ends the session", () =>
    Effect.gen(function* () {
      for (const endOnReuse of [false, true]) {
        const shop = yield* site({ id: { ...options.id, endOnReuse } })
        const ada = yield* aged(shop)
        const old = ada.cookie
        yield* ada.go(principal)
        yield* TestClock.adjust("30 seconds")
        const seen = yield* eventsWhile(shop.manager, shop.send(old, principal))
        expect(seen.filter((kind) => kind === "Reused")).toHaveLength(1)
        expect((yield* ada.go(principal)).body).toBe(endOnReuse ? null : "ada")
        // Whoever has lost the answer can begin anew.
        const thief = yield* shop.send(old, increment)
        expect([thief.status, thief.body, thief.setCookie.length]).toEqual([200, 1, 1])
      }
    })
  )

  it.effect("ends the session in its grace: by a sign-out", () =>
    Effect.gen(function* () {
      const shop = yield* site(options)
      const ada = yield* aged(shop)
      const old = ada.cookie
      yield* ada.go(principal)
      yield* shop.send(old, signOut)
      expect((yield* ada.go(principal)).body).toBe(null)
    })
  )

  it.effect("leads nowhere once somebody has signed in", () =>
    Effect.gen(function* () {
      const shop = yield* site(options)
      const visitor = shop.browser()
      yield* visitor.go(increment)
      yield* TestClock.adjust("10 minutes")
      const planted = visitor.cookie
      yield* visitor.go((session) => session.get("count"))
      yield* visitor.go(signIn("ada"))
      const attacker = yield* shop.send(planted, principal)
      expect([attacker.body, attacker.setCookie]).toEqual([null, []])
      const writing = yield* shop.send(planted, increment)
      expect([writing.status, writing.setCookie]).toEqual([503, []])
      expect((yield* visitor.go(principal)).body).toBe("ada")
    })
  )

  it.effect("is renewed by one of many requests that come together", () =>
    Effect.gen(function* () {
      const shop = yield* site(options)
      const ada = yield* aged(shop)
      const answers = yield* Effect.all(
        Array.from({ length: 10 }, () => ada.lose((session) => Effect.andThen(Effect.yieldNow, increment(session)))),
        { concurrency: "unbounded" }
      )
      const cookies = new Set(answers.map(({ setCookie }) => setCookie[0]?.split(";")[0]))
      expect(cookies.size).toBe(1)
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
      ada.cookie = [...cookies][0]
      expect(yield* count(ada)).toBe(11)
      expect((yield* ada.go(devices("ada"))).body).toHaveLength(1)
    })
  )

  it.effect("is one that may sign in, or change its rights, in its grace", () =>
    Effect.gen(function* () {
      for (const change of [signIn("ada"), (session) => session.regenerate] as ReadonlyArray<Handler<unknown>>) {
        const shop = yield* site(options)
        const ada = yield* aged(shop)
        yield* ada.lose(principal)
        yield* ada.go(change)
        expect((yield* ada.go(principal)).body).toBe("ada")
        expect(yield* count(ada)).toBe(1)
        expect((yield* ada.go(devices("ada"))).body).toHaveLength(1)
      }
    })
  )

  it.effect("of an ended person leads nowhere", () =>
    Effect.gen(function* () {
      const shop = yield* site(options)
      const ada = yield* aged(shop)
      yield* ada.lose(principal)
      yield* shop.browser().go(() => SessionManager.endAll("ada"))
      expect((yield* ada.go(principal)).body).toBe(null)
      expect(Option.isSome(Option.fromNullishOr(ada.cookie))).toBe(true)
    })
  )
})
