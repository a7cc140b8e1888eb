/**
 * Packages that an app installs only where it uses them.
 */
import * as Effect from "effect/Effect"
import { SessionError } from "../../SessionError.js"

/** What `load` imports. `what` cannot be loaded where that fails: an `InvalidConfig`. */
export const loaded = <A>(what: string, load: () => Promise<A>): Effect.Effect<A, SessionError> =>
  Effect.tryPromise({
    try: load,
    catch: (cause) =>
      new SessionError({
        reason: "InvalidConfig",
        message: `${what} could not be loaded; install it (${
          cause instanceof Error ? cause.message.split("\n")[0] : "unknown error"
        })`
      })
  })
