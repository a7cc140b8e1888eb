/**
 * Loads a provider's module, and with it its driver, only when its layer is built: an app installs the driver of its own backend
 * alone.
 */
import * as Layer from "effect/Layer"
import { loaded } from "../Provider/internal/driver.js"
import type { SessionProvider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"

/** The layer that `load` promises. `chosenBy` is what the user wrote to choose it, for the message where it cannot be loaded. */
export const lazy = <E>(
  chosenBy: string,
  load: () => Promise<Layer.Layer<SessionProvider, E>>
): Layer.Layer<SessionProvider, E | SessionError> =>
  Layer.unwrapEffect(loaded(`${chosenBy}: the backend's driver`, load))
