/**
 * The time of the conformance suite's cases.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Provider } from "../Provider/Provider.js"
import type { Options } from "./Conformance.js"

/** Time in a case: its seconds are as long as a busy machine needs them to be. */
export interface Time {
  readonly seconds: (n: number) => Duration.Duration
  /** Lets so many seconds pass. */
  readonly pass: (seconds: number) => Effect.Effect<void>
  /** Lets time pass until what was to live for another so many seconds is surely gone. */
  readonly passOver: (seconds: number) => Effect.Effect<void>
}

/**
 * Runs a test. If one that asks for seconds fails, and was held up for so long that a session may have expired before it could look, it is
 * tried again with longer seconds: only a failure in time is the provider's.
 */
export const timed = <A, E, R>(
  provider: Provider,
  { pass }: Options,
  test: (time: Time) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const attempt = (length: number): Effect.Effect<A, E, R> =>
    Effect.clockWith((clock) => {
      const started = clock.unsafeCurrentTimeMillis()
      let planned = 0
      let asked = false
      const passMillis = (millis: number) =>
        Effect.suspend(() => {
          planned += millis
          return pass(millis)
        })
      const time: Time = {
        seconds: (n) => {
          asked = true
          return Duration.seconds(n * length)
        },
        pass: (n) => passMillis(n * length * 1000),
        passOver: (n) => passMillis(n * length * 1000 + provider.capabilities.expirySlack)
      }
      return Effect.catchAllCause(test(time), (cause) => {
        const heldUp = clock.unsafeCurrentTimeMillis() - started - planned
        return asked && heldUp > 250 * length && length < 8 && !Cause.isInterrupted(cause)
          ? attempt(length * 2)
          : Effect.failCause(cause)
      })
    })
  return attempt(1)
}
