/**
 * What programs write to the console.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** Runs an effect with this console in place of the process'. */
export const withConsole = (methods: Pick<globalThis.Console, "error" | "log">) => {
  const unsafe = { ...globalThis.console, ...methods }
  const own: Console.Console = {
    ...Effect.runSync(Effect.consoleWith(Effect.succeed)),
    log: (...args) => Effect.sync(() => unsafe.log(...args)),
    error: (...args) => Effect.sync(() => unsafe.error(...args)),
    unsafe
  }
  return <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => Console.withConsole(effect, own)
}
