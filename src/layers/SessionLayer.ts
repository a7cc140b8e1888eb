/**
 * Ready-made session layers: the backend is one line.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import * as SessionConfig from "../Manager/SessionConfig.js"
import * as SessionManager from "../Manager/SessionManager.js"
import * as Memory from "../Provider/Memory.js"
import type { SessionProvider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"

export {
  /**
   * @since 0.1.0
   * @category layers
   */
  fromConfig
} from "./fromConfig.js"

/**
 * Sessions over any provider.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Memory from "effect-session/memory"
 *
 * const SessionLive = SessionLayer.make(Memory.layer(), { idleTimeout: "15 minutes" })
 *
 * @since 0.1.0
 * @category layers
 */
export const make = <E, R>(
  provider: Layer.Layer<SessionProvider, E, R>,
  options: SessionConfig.Options = {}
): Layer.Layer<SessionManager.SessionManager, E | SessionError, R> =>
  Layer.provide(SessionManager.layer(SessionConfig.make(options)), provider)

/**
 * Sessions in the memory of this process, gone with it.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.memory({ idleTimeout: "30 minutes", maxSessions: 100_000 })
 *
 * @since 0.1.0
 * @category layers
 */
export const memory = (
  options: SessionConfig.Options & Memory.Options = {}
): Layer.Layer<SessionManager.SessionManager, SessionError> => make(Memory.layer(options), options)
