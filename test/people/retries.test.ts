/**
 * A handler that saves again when the backend has failed once: before it did what it was asked, or before it said so.
 */
import { SessionError, type SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { describe, expect, it } from "#test/vitest"
import { devices, over, type ShopSession, signIn, site } from "./site.js"

type Operation = "create" | "regenerate"

/** A backend whose operation fails once when it is told to, after it was applied or instead. */
const failing = (operation: Operation, records: "sessions" | "lists", isApplied: boolean) => {
  const inner = Memory.make()
  let fails = false
  const down = new SessionError({ reason: "Unavailable", message: "the backend does not answer" })
  const once =
    <A extends ReadonlyArray<any>, B>(call: (...args: A) => Effect.Effect<B, SessionError>) =>
    (...args: A) =>
      Effect.suspend(() => {
        if (!fails) {
          return call(...args)
        }
        fails = false
        return isApplied ? Effect.andThen(call(...args), Effect.fail(down)) : Effect.fail(down)
      })
  const provider: SessionProvider.Provider =
    records === "lists"
      ? { ...inner, principals: { ...inner.principals!, create: once(inner.principals!.create) } }
      : operation === "create"
        ? { ...inner, create: once(inner.create) }
        : { ...inner, regenerate: once(inner.regenerate) }
  return {
    provider,
    fail: () => {
      fails = true
    }
  }
}

const saveTwice = ({ save }: ShopSession) => Effect.catch(save, () => save)

describe.each([true, false])("a save that failed once, applied: %s, and is tried again", (isApplied) => {
  it.effect("begins a session", () =>
    Effect.gen(function* () {
      const { fail, provider } = failing("create", "sessions", isApplied)
      const { browser } = yield* site({}, over(provider))
      const visitor = browser()
      fail()
      const answer = yield* visitor.go((session) => Effect.andThen(session.set("cart", "teapot"), saveTwice(session)))
      expect([answer.status, answer.setCookie.length]).toEqual([200, 1])
      expect((yield* visitor.go((session) => Effect.map(session.get("cart"), Option.getOrNull))).body).toBe("teapot")
    })
  )

  it.effect.each([
    ["regenerate", "sessions"],
    ["create", "lists"]
  ] as const)("signs in, and keeps the cart: %s of %s", ([operation, records]) =>
    Effect.gen(function* () {
      const { fail, provider } = failing(operation, records, isApplied)
      const { browser } = yield* site({}, over(provider))
      const ada = browser()
      yield* ada.go((session) => session.set("cart", "teapot"))
      fail()
      const answer = yield* ada.go((session) => Effect.andThen(signIn("ada")(session), saveTwice(session)))
      expect([answer.status, answer.setCookie.length]).toEqual([200, 1])
      const seen = yield* ada.go((session) => Effect.all([session.principal, session.get("cart")]))
      expect(seen.body.map(({ value }: any) => value)).toEqual(["ada", "teapot"])
      expect((yield* ada.go(devices("ada"))).body).toEqual([[expect.any(String), true]])
    })
  )
})
