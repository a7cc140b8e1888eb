/**
 * What a provider declares to the conformance suite, and the promises that the suite checks.
 *
 * @since 3.0.0
 */
import type * as Duration from "#effect/Duration"
import type * as Effect from "#effect/Effect"
import type * as Layer from "#effect/Layer"
import type { Capabilities, SessionProvider } from "../Provider/Provider.js"

/**
 * The declared properties of a provider, and the way to reach it.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /** Connects to the backend. Each case builds it anew, and every build must reach the same backend. */
  readonly layer: Layer.Layer<SessionProvider, unknown>
  /** The provider's capabilities. One case checks that the provider declares exactly these; all others rely on them. */
  readonly capabilities: Capabilities
  /** The optional operations that the provider has. One case checks that it has exactly these. */
  readonly optional: {
    readonly count: boolean
    readonly list: boolean
    readonly gc: boolean
    readonly marked: boolean
    readonly principals: boolean
    /** Default false. */
    readonly changed?: boolean | undefined
  }
  /** How long `gc` keeps a session that has expired. Default: not at all. */
  readonly collectsAfter?: Duration.Input | undefined
  /**
   * Lets time pass: `TestClock.adjust` for a provider on Effect's Clock. If a server keeps the time, `Effect.sleep` for
   * some milliseconds more: timers and clocks are not that exact.
   */
  readonly pass: (duration: Duration.Input) => Effect.Effect<void>
}

/** All promises, in the order of the table. */
export const promises = [
  "as declared",
  "sessions are kept whole",
  "no lost updates",
  "a change of id is one step",
  "what ended stays ended",
  "lifetimes are kept",
  "marks stay where sessions ended",
  "people's records are kept apart",
  "people's sessions can be ended",
  "those who wait are told",
  "hostile ids do no harm",
  "counted, listed and collected"
] as const

/**
 * The name of a promise that a provider makes. Each case checks one promise.
 *
 * @since 3.0.0
 * @category models
 */
export type Promised = (typeof promises)[number]
