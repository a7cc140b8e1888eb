/**
 * People who signed in while ids were stored as they are, on processes that move sessions to the hashes of their ids.
 */
import { type SessionConfig, SessionManager } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { devices, type Handler, increment, over, principal, signIn, site } from "./site.js"

const options = { idleTimeout: "5 hours" } as const

/** An app's configurations one after the other, on one backend. */
const steps = Effect.suspend(() => {
  const provider = Memory.make()
  return Effect.forEach([false, "migrating", true] as const, (hashed) =>
    site(
      { ...options, id: { hashed, bytes: 24 } },
      over(provider, { ...options, id: { hashed, bytes: 24 } } as SessionConfig.Options)
    )
  )
})

describe("a session that moves to the hash of its id", () => {
  it.effect("stays listed, and ends with the person's others", () =>
    Effect.gen(function* () {
      for (const read of [principal, increment] as ReadonlyArray<Handler<unknown>>) {
        const [plain, migrating, hashed] = yield* steps
        const before = plain!.browser()
        yield* before.go(signIn("ada"))
        const ada = migrating!.browser()
        ada.cookie = before.cookie
        expect((yield* ada.go(devices("ada"))).body).toEqual([[expect.any(String), true]])
        yield* ada.go(read)
        yield* TestClock.adjust("2 minutes")
        expect((yield* ada.go(devices("ada"))).body).toEqual([[expect.any(String), true]])
        yield* migrating!.browser().go(signIn("ada"))
        expect((yield* ada.go(principal)).body).toBe("ada")
        const after = hashed!.browser()
        after.cookie = ada.cookie
        expect((yield* after.go(principal)).body).toBe("ada")
        expect((yield* after.go(devices("ada"))).body).toHaveLength(2)
        yield* hashed!.browser().go(() => SessionManager.endAll("ada"))
        expect((yield* after.go(principal)).body).toBe(null)
      }
    })
  )
})
