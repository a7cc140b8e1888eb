/**
 * What programs write to the console.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** Runs an effect with this console in place of the process'. */
export const withConsole =
  (methods: Pick<globalThis.Console, "error" | "log">) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, Console.Console, { ...globalThis.console, ...methods })
