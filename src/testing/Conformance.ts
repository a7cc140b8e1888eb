/**
 * The conformance suite: what every provider has to do, run against the real backend. It needs no test framework.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { Capabilities, SessionProvider } from "../Provider/Provider.js"
import { concurrencyCases } from "./concurrencyCases.js"
import { contractCases } from "./contractCases.js"
import { expiryCases } from "./expiryCases.js"
import { markCases } from "./markCases.js"
import { raceCases } from "./raceCases.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Connects to the backend. Built anew by each case; every build reaches the same backend. */
  readonly layer: Layer.Layer<SessionProvider, unknown>
  /**
   * What the provider claims to be able to do. A case of something that is not claimed checks that the provider does not claim it
   * either, so that a capability cannot be lost unnoticed.
   */
  readonly capabilities: Capabilities
  /** Which of the optional operations the provider has. */
  readonly optional: {
    readonly count: boolean
    readonly list: boolean
    readonly gc: boolean
    /** Checked only if it is given. */
    readonly marked?: boolean
  }
  /** Lets time pass: `TestClock.adjust` for a provider on Effect's Clock, `Effect.sleep` where a server keeps the time. */
  readonly pass: (duration: Duration.DurationInput) => Effect.Effect<void>
}

/**
 * One case: an effect that fails or dies where the provider does not conform.
 *
 * @since 0.1.0
 * @category models
 */
export interface Case {
  readonly name: string
  readonly test: Effect.Effect<void, unknown>
}

/** @internal */
export interface CaseOf {
  readonly name: string
  readonly test: (options: Options) => Effect.Effect<void, unknown, SessionProvider>
}

/**
 * All cases, to be registered with a test framework one by one.
 *
 * @example
 * import { Effect, TestClock } from "effect"
 * import { SessionProvider } from "effect-session"
 * import * as Memory from "effect-session/memory"
 * import { Conformance } from "effect-session/testing"
 *
 * const cases = Conformance.suite({
 *   layer: Memory.layer(),
 *   capabilities: { ...SessionProvider.defaultCapabilities, durable: false, inProcess: true, maxPayload: Infinity },
 *   optional: { count: true, list: true, gc: true, marked: true },
 *   pass: (duration) => Effect.sleep(duration)
 * })
 *
 * // With @effect/vitest: for (const { name, test } of cases) it.live(name, () => test)
 *
 * @since 0.1.0
 * @category constructors
 */
export const suite = (options: Options): ReadonlyArray<Case> =>
  [...contractCases, ...expiryCases, ...concurrencyCases, ...markCases, ...raceCases].map(({ name, test }) => ({
    name,
    test: Effect.scoped(Effect.provide(test(options), options.layer))
  }))
