/**
 * The time of the conformance suite's cases.
 */
import { millisOf } from "#dialect/clock"
import * as Cause from "#effect/Cause"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type { Provider } from "../Provider/Provider.js"
import type { Options } from "./declared.js"

/**
 * How many seconds before its end a case looks at a session once more, for an end that is too early. It is longer than
 * `tolerated`: a case that was held up by less looks in time.
 */
export const margin = 0.3

/** How long a case may be held up, in milliseconds, before its failure is put down to that. */
const tolerated = 250

/** The time of a case, whose seconds are stretched on a busy machine. */
export interface Time {
  readonly seconds: (n: number) => Duration.Duration
  /** Lets this many seconds pass. */
  readonly pass: (seconds: number) => Effect.Effect<void>
  /** Lets time pass until a session that had this many seconds to live is certainly gone. */
  readonly passOver: (seconds: number) => Effect.Effect<void>
}

/**
 * Runs a test. If it asked for seconds, failed, and was held up for so long that a session may have expired before it
 * could look, it runs again with longer seconds: only a failure that was on time is the provider's. What held it up, a
 * busy machine or the provider's own calls, cannot be told from here, so each failure that is passed over is logged.
 */
export const timed = <A, E, R>(
  name: string,
  provider: Provider,
  { pass }: Options,
  test: (time: Time) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const attempt = (length: number): Effect.Effect<A, E, R> =>
    Effect.clockWith((clock) => {
      const started = millisOf(clock)
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
      return Effect.catchCause(test(time), (cause) => {
        const heldUp = millisOf(clock) - started - planned
        return asked && heldUp > tolerated * length && length < 8 && !Cause.hasInterrupts(cause)
          ? Effect.andThen(
              Effect.logWarning(
                `"${name}" failed, but was held up for ${Math.round(heldUp)} ms: it runs again with seconds twice as long`,
                cause
              ),
              attempt(length * 2)
            )
          : Effect.failCause(cause)
      })
    })
  return attempt(1)
}
