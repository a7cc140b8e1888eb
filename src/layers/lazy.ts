/**
 * Loads a provider's module, and with it its driver, only when its layer is built: an app installs the driver of its own backend
 * alone.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SessionProvider } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"

/** The layer that `load` promises. `chosenBy` is what the user wrote to choose it, for the message where it cannot be loaded. */
export const lazy = <E>(
  chosenBy: string,
  load: () => Promise<Layer.Layer<SessionProvider, E>>
): Layer.Layer<SessionProvider, E | SessionError> =>
  Layer.unwrapEffect(
    Effect.tryPromise({
      try: load,
      catch: (cause) =>
        new SessionError({
          reason: "InvalidConfig",
          message: `${chosenBy}: the backend's driver could not be loaded; install it (${
            cause instanceof Error ? cause.message.split("\n")[0] : "unknown error"
          })`
        })
    })
  )
