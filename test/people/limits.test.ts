/**
 * What cannot be promised is refused when a manager is built; what fails once costs nobody their session.
 */
import {
  type SessionConfig,
  SessionError,
  SessionLayer,
  type SessionManager,
  type SessionProvider
} from "effect-session"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { devices, over, principal, signIn, site } from "./site.js"

const evicting = (): SessionProvider.Provider => {
  const memory = Memory.make()
  return { ...memory, capabilities: { ...memory.capabilities, evicts: true } }
}

describe("a limit on a person's sessions", () => {
  const built = (layer: Layer.Layer<SessionManager.SessionManager, { readonly message: string }>) =>
    Effect.match(Effect.scoped(Layer.build(layer)), { onFailure: ({ message }) => message, onSuccess: () => "built" })

  it.effect("is refused where nothing counts them", () =>
    Effect.gen(function* () {
      for (const principals of [{ max: 3 }, { whenExceeded: "refuse" }] as ReadonlyArray<
        SessionConfig.Options["principals"]
      >) {
        expect(yield* built(SessionLayer.cookie({ keys: [key()] }, { principals }))).toMatch(
          /^principals: cookie keeps no lists/
        )
        const { principals: _, ...provider } = Memory.make()
        expect(yield* built(over(provider, { principals }))).toMatch(/^principals: memory keeps no lists/)
        expect(yield* built(over(evicting(), { principals }))).toMatch(/^principals: memory may lose the lists/)
        expect(yield* built(over(evicting(), { principals: { ...principals, bestEffort: true } }))).toBe("built")
      }
      expect(yield* built(SessionLayer.cookie({ keys: [key()] }, {}))).toBe("built")
      expect(yield* built(over(evicting()))).toBe("built")
    })
  )
})

describe("a list that fails once", () => {
  it.effect("costs nobody their session", () =>
    Effect.gen(function* () {
      const memory = Memory.make()
      let failing = 0
      const once = <A>(call: Effect.Effect<A, SessionError>) =>
        Effect.suspend(() =>
          failing-- === 1 ? Effect.fail(new SessionError({ reason: "Unavailable", message: "once" })) : call
        )
      const { browser } = yield* site(
        {},
        over({
          ...memory,
          principals: {
            ...memory.principals!,
            create: (...args) => once(memory.principals!.create(...args)),
            write: (...args) => once(memory.principals!.write(...args))
          }
        })
      )
      const ada = browser()
      yield* ada.go((session) => session.set("cart", "teapot"))
      for (const change of [signIn("ada"), (session: Parameters<ReturnType<typeof signIn>>[0]) => session.regenerate]) {
        failing = 1
        expect((yield* ada.go(change)).status).toBe(200)
        expect((yield* ada.go(principal)).body).toBe("ada")
        expect((yield* ada.go((session) => Effect.map(session.get("cart"), Option.getOrNull))).body).toBe("teapot")
        expect((yield* ada.go(devices("ada"))).body).toHaveLength(1)
      }
    })
  )
})
