/**
 * The calls of the backend that docs/people.md names for each operation.
 */
import { SessionManager, type SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { devices, type Handler, increment, over, principal, signIn, signOut, site } from "./site.js"

/** A provider that notes its calls; those of people's records begin with "people." */
const noting = () => {
  const calls: Array<string> = []
  const noted = <T extends object>(target: T, prefix: string): T =>
    Object.fromEntries(
      Object.entries(target).map(([name, value]) => [
        name,
        typeof value !== "function"
          ? value
          : (...args: ReadonlyArray<unknown>) =>
              Effect.suspend(() => {
                calls.push(prefix + name)
                return value(...args)
              })
      ])
    ) as T
  const memory = Memory.make()
  const provider: SessionProvider.Provider = {
    ...noted(memory, ""),
    capabilities: memory.capabilities,
    principals: noted(memory.principals!, "people.")
  }
  return { calls, provider }
}

const begin = (options: Parameters<typeof over>[1] = {}) =>
  Effect.gen(function* () {
    const { calls, provider } = noting()
    const { browser } = yield* site({}, over(provider, options))
    const device = () => {
      const own = browser()
      return {
        own,
        spent: <A>(handler: Handler<A>) => {
          calls.length = 0
          return Effect.map(own.go(handler), () => calls.splice(0))
        }
      }
    }
    return { device }
  })

describe("calls of the backend", () => {
  it.effect("a sign-in costs 2 more, and everything else of a request nothing", () =>
    Effect.gen(function* () {
      const { device } = yield* begin()
      const [ada, visitor] = [device(), device()]
      expect(yield* ada.spent(signIn("ada"))).toEqual(["people.read", "create", "people.create"])
      expect(yield* ada.spent(principal)).toEqual(["read"])
      expect(yield* ada.spent((session) => session.requireFresh("1 hour"))).toEqual(["read"])
      expect(yield* ada.spent(increment)).toEqual(["read", "write"])
      expect(yield* ada.spent((session) => session.touch)).toEqual(["read"])
      expect(yield* ada.spent(signIn("ada"))).toEqual(["read", "people.read", "regenerate", "people.write"])
      expect(yield* ada.spent((session) => session.regenerate)).toEqual([
        "read",
        "people.read",
        "regenerate",
        "people.write"
      ])
      expect(yield* ada.spent(signOut)).toEqual(["destroy"])
      yield* visitor.spent(increment)
      expect(yield* visitor.spent((session) => session.regenerate)).toEqual(["read", "regenerate"])
    })
  )

  it.effect("a list costs 1, and 1 for each session; an end 3, and 1 for each", () =>
    Effect.gen(function* () {
      const { device } = yield* begin()
      const [one, two, three, admin] = [device(), device(), device(), device()]
      for (const { spent } of [one, two, three]) {
        yield* spent(signIn("ada"))
      }
      expect(yield* admin.spent(devices("ada"))).toEqual(["people.read", "read", "read", "read"])
      // The current session, to tell which one it is.
      expect(yield* one.spent(devices("ada"))).toHaveLength(1 + 3 + 1)
      const ended = ["people.read", "people.write", "destroy", "people.write"]
      const [, [ref]] = (yield* one.own.go(devices("ada"))).body
      expect(yield* admin.spent(() => SessionManager.endSession("ada", ref))).toEqual(ended)
      expect(yield* admin.spent(() => SessionManager.endSession("ada", ref))).toEqual(["people.read"])
      expect(yield* one.spent(SessionManager.endOthers)).toEqual(["read", ...ended])
      expect(yield* admin.spent(() => SessionManager.endAll("ada"))).toEqual(ended)
      yield* one.spent(signIn("ada"))
      yield* two.spent(signIn("ada"))
      yield* one.spent(signOut)
      const tidied = yield* admin.spent(devices("ada"))
      expect(tidied.sort()).toEqual(["marked", "people.read", "people.write", "read", "read"])
    })
  )

  it.effect("a sign-in over the limit costs 3 more", () =>
    Effect.gen(function* () {
      const { device } = yield* begin({ principals: { max: 1 } })
      yield* device().spent(signIn("ada"))
      expect(yield* device().spent(signIn("ada"))).toEqual([
        "people.read",
        "create",
        "read",
        "people.write",
        "destroy",
        "people.write"
      ])
    })
  )

  it.effect("a renewal costs 2 more, and a request on the old id 3", () =>
    Effect.gen(function* () {
      const { device } = yield* begin({ id: { renewEvery: "10 minutes" } })
      const ada = device()
      yield* ada.spent(signIn("ada"))
      yield* TestClock.adjust("10 minutes")
      const before = ada.own.cookie
      expect(yield* ada.spent(principal)).toEqual(["read", "people.read", "regenerate", "people.write"])
      ada.own.cookie = before
      expect(yield* ada.spent(principal)).toEqual(["read", "marked", "read", "people.read"])
      expect(yield* ada.spent(signOut)).toEqual(["destroy", "marked"])
    })
  )
})
