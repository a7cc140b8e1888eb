/**
 * Logs of an effect that is expected to log errors.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"

/** Holds the log back, and shows it if the effect fails. */
export const loggedOnFailure = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const held: Array<Effect.Effect<void>> = []
    const hold = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
      held.push(Effect.logWithLevel(logLevel, ...Arr.ensure(message), cause))
    })
    return effect.pipe(
      Effect.provide(Logger.replace(Logger.defaultLogger, hold)),
      Effect.tapErrorCause(() => Effect.all(held, { discard: true }))
    )
  })
