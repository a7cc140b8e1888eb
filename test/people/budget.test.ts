/**
 * What sign-ins, lists and renewals cost the backend, in calls; and that what does none of it costs what it did before.
 */
import { type SessionConfig, SessionManager, SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { type Browser, type Handler, increment, over, principal, signIn, signOut, site } from "./site.js"

/** A site, and the calls that the backend got since they were asked for last. */
const counted = (options: SessionConfig.Options = {}) =>
  Effect.gen(function* () {
    const calls: Array<string> = []
    const memory = Memory.make()
    const provider = {
      ...memory,
      ...SessionProvider.mapCalls(
        memory,
        (operation) => (call) =>
          Effect.suspend(() => {
            calls.push(operation)
            return call
          }),
        (list) => Stream.tap(list, () => Effect.sync(() => calls.push("list")))
      )
    }
    const { browser } = yield* site({ gcInterval: "3650 days", ...options }, over(provider, options))
    const spent = <A>(one: Browser, handler: Handler<A>) =>
      Effect.map(
        Effect.andThen(
          Effect.sync(() => calls.splice(0)),
          one.go(handler)
        ),
        () => calls.splice(0)
      )
    return { browser, spent }
  })

const read = (session: Parameters<typeof increment>[0]) => session.get("count")
const renewing = { id: { renewEvery: "10 minutes" } } as const

/** If ids are renewed, an id that is not there is looked for once more: it may lead to a session. */
for (const [how, options, looked] of [
  ["ids are not renewed", {}, []],
  ["ids are renewed, and this one is not due", renewing, ["marked"]]
] as const) {
  describe(`what a request costs as before, if ${how}`, () => {
    const unchanged = (who: string, enter: (browser: Browser) => Effect.Effect<unknown>) =>
      it.effect(who, () =>
        Effect.gen(function* () {
          const { browser, spent } = yield* counted(options)
          const visitor = browser()
          expect(yield* spent(visitor, read)).toEqual([])
          expect(yield* spent(visitor, () => Effect.void)).toEqual([])
          yield* enter(visitor)
          expect(yield* spent(visitor, () => Effect.void)).toEqual([])
          expect(yield* spent(visitor, read)).toEqual(["read"])
          expect(yield* spent(visitor, principal)).toEqual(["read"])
          expect(yield* spent(visitor, (session) => session.set("cart", "teapot"))).toEqual(["read", "write"])
          expect(yield* spent(visitor, increment)).toEqual(["read", "write"])
          // A touch is due.
          yield* TestClock.adjust("5 minutes")
          expect(yield* spent(visitor, read)).toEqual(["read", "touch"])
          expect(yield* spent(visitor, read)).toEqual(["read"])
        })
      )
    unchanged("of a visitor", (visitor) => visitor.go(increment))
    unchanged("of a person who has signed in", (visitor) => visitor.go(signIn("ada")))

    it.effect("of a visitor who begins, gets a new id, and ends the session", () =>
      Effect.gen(function* () {
        const { browser, spent } = yield* counted(options)
        const [one, other] = [browser(), browser()]
        expect(yield* spent(one, increment)).toEqual(["create"])
        expect(yield* spent(one, (session) => Effect.andThen(session.regenerate, increment(session)))).toEqual([
          "read",
          "regenerate"
        ])
        expect(
          yield* spent(other, (session) => Effect.andThen(session.regenerate, session.set("cart", "teapot")))
        ).toEqual(["create"])
        const old = one.cookie
        expect(yield* spent(one, (session) => session.destroy)).toEqual(["destroy", ...looked])
        one.cookie = old
        expect(yield* spent(one, read)).toEqual(["read", ...looked])
      })
    )
  })
}

describe("what people cost", () => {
  it.effect("a sign-in: two calls more than a regenerate; a sign-out: none", () =>
    Effect.gen(function* () {
      const { browser, spent } = yield* counted()
      const [visitor, stranger] = [browser(), browser()]
      yield* visitor.go(increment)
      expect(yield* spent(visitor, signIn("ada"))).toEqual([
        "read",
        "principals.read",
        "regenerate",
        "principals.create"
      ])
      expect(yield* spent(stranger, signIn("ada"))).toEqual(["principals.read", "create", "principals.write"])
      const again = ["read", "principals.read", "regenerate", "principals.write"]
      expect(yield* spent(visitor, signIn("ada"))).toEqual(again)
      expect(yield* spent(visitor, (session) => session.regenerate)).toEqual(again)
      expect(yield* spent(visitor, signOut)).toEqual(["destroy"])
    })
  )

  it.effect("a renewal because of the id's age: two calls more than a write, and none more for a visitor", () =>
    Effect.gen(function* () {
      const { browser, spent } = yield* counted(renewing)
      const [visitor, ada] = [browser(), browser()]
      yield* visitor.go(increment)
      yield* ada.go(signIn("ada"))
      for (const use of [read, increment] as ReadonlyArray<Handler<unknown>>) {
        yield* TestClock.adjust("10 minutes")
        const old = ada.cookie
        expect(yield* spent(visitor, use)).toEqual(["read", "regenerate"])
        expect(yield* spent(ada, use)).toEqual(["read", "principals.read", "regenerate", "principals.write"])
        expect(yield* spent(ada, use)).toEqual(use === read ? ["read"] : ["read", "write"])
        // A client that lost the answer: three calls more.
        const behind = browser()
        behind.cookie = old
        expect(yield* spent(behind, read)).toEqual(["read", "marked", "read", "principals.read"])
        expect(behind.cookie).toBe(ada.cookie)
      }
      expect(yield* spent(ada, signOut)).toEqual(["destroy", "marked"])
    })
  )

  it.effect("a list: a call, and one for each session in it", () =>
    Effect.gen(function* () {
      const { browser, spent } = yield* counted()
      const job = browser()
      const list: Handler<unknown> = () => SessionManager.sessionsOf("ada")
      expect(yield* spent(job, list)).toEqual(["principals.read"])
      const all = Array.from({ length: 5 }, browser)
      for (const [i, one] of all.entries()) {
        yield* one.go(signIn("ada"))
        expect(yield* spent(job, list)).toEqual(["principals.read", ...Array.from({ length: i + 1 }, () => "read")])
      }
      // Of the request's own session it tells that it is the current one.
      expect((yield* spent(all[0]!, list)).length).toBe(7)
      yield* all[0]!.go(signOut)
      // What is gone is looked for under another id, and its entry dropped: once.
      expect([...(yield* spent(job, list))].sort()).toEqual([
        "marked",
        "principals.read",
        "principals.write",
        ...Array.from({ length: 5 }, () => "read")
      ])
      expect((yield* spent(job, list)).length).toBe(5)
    })
  )

  it.effect("an end: three calls, and one for each session that ends", () =>
    Effect.gen(function* () {
      const { browser, spent } = yield* counted()
      const all = Array.from({ length: 5 }, browser)
      for (const one of all) yield* one.go(signIn("ada"))
      const { body } = yield* all[0]!.go(() =>
        Effect.map(SessionManager.sessionsOf("ada"), (found) => found.map(({ ref }) => ref))
      )
      const ends = (count: number) => [
        "principals.read",
        "principals.write",
        ...Array.from({ length: count }, () => "destroy"),
        "principals.write"
      ]
      const job = browser()
      expect(yield* spent(job, () => SessionManager.endSession("ada", body[4]))).toEqual(ends(1))
      expect(yield* spent(job, () => SessionManager.endSession("ada", body[4]))).toEqual(["principals.read"])
      expect(yield* spent(all[0]!, SessionManager.endOthers)).toEqual(["read", ...ends(3)])
      expect(yield* spent(job, () => SessionManager.endAll("ada"))).toEqual(ends(1))
      expect(yield* spent(job, () => SessionManager.endAll("ada"))).toEqual(["principals.read"])
    })
  )

  it.effect("a sign-in that ends the oldest session: one call to look at each of the others, and two to end it", () =>
    Effect.gen(function* () {
      const { browser, spent } = yield* counted({ principals: { max: 2 } })
      for (const one of [browser(), browser()]) yield* one.go(signIn("ada"))
      expect(yield* spent(browser(), signIn("ada"))).toEqual([
        "principals.read",
        "create",
        "read",
        "read",
        "principals.write",
        "destroy",
        "principals.write"
      ])
    })
  )
})
