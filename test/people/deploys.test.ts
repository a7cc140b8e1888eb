/**
 * Processes of one app whose configurations differ, as during a deploy and after it.
 */
import { type SessionConfig, SessionManager } from "effect-session"
import * as Memory from "effect-session/memory"
import * as DateTime from "#effect/DateTime"
import * as Effect from "#effect/Effect"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { devices, over, principal, signIn, site } from "./site.js"

/** Sites on one backend. */
const sites = (...each: ReadonlyArray<SessionConfig.Options>) =>
  Effect.suspend(() => {
    const provider = Memory.make()
    return Effect.forEach(each, (options) => site(options, over(provider, options)))
  })

describe("a session that is over for another process only", () => {
  it.effect.each([
    { absoluteTimeout: "1 hour" },
    { validFrom: DateTime.makeUnsafe(3_600_000) },
    { absoluteTimeout: "1 hour", principals: { max: 1 } },
    { absoluteTimeout: "1 hour", principals: { max: 1, whenExceeded: "refuse" } }
  ] as ReadonlyArray<SessionConfig.Options>)("stays listed: %o", (other) =>
    Effect.gen(function* () {
      const [one, two] = yield* sites({ idleTimeout: "3 hours" }, { idleTimeout: "1 hour", ...other })
      const ada = one!.browser()
      yield* ada.go(signIn("ada"))
      yield* TestClock.adjust("2 hours")
      expect((yield* two!.browser().go(devices("ada"))).body).toEqual([])
      expect((yield* two!.browser().go(signIn("ada"))).status).toBe(200)
      expect((yield* two!.browser().go(devices("ada"))).body).toHaveLength(1)
      expect((yield* ada.go(principal)).body).toBe("ada")
      expect((yield* ada.go(devices("ada"))).body).toHaveLength(2)
      yield* two!.browser().go(() => SessionManager.endAll("ada"))
      expect((yield* ada.go(principal)).body).toBe(null)
    })
  )
})
