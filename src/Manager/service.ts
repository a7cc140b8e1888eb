/**
 * The tag of the session manager.
 */
import * as Context from "#effect/Context"
import type { Manager } from "./Manager.js"

/**
 * The service that manages sessions. Every `SessionLayer` provides one.
 *
 * @since 3.0.0
 * @category tags
 */
export class SessionManager extends Context.Service<SessionManager, Manager>()("effect-session/SessionManager") {}
