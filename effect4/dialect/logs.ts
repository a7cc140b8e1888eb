/**
 * Logs of an effect that is expected to log errors.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type { Severity } from "effect/LogLevel"

/** Holds the log back, and shows it if the effect fails. */
export const loggedOnFailure = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const held: Array<Effect.Effect<void>> = []
    const hold = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
      held.push(Effect.logWithLevel(logLevel as Severity)(...Arr.ensure(message), cause))
    })
    return effect.pipe(
      Effect.provide(Logger.layer([hold])),
      Effect.tapCause(() => Effect.all(held, { discard: true }))
    )
  })
