/**
 * HTTP sessions for Effect.
 *
 * @since 3.0.0
 */
import "#dialect/effect@4-needs-effect-session@latest--effect@3-needs-effect-session@effect3"

export * as SessionLayer from "./layers/SessionLayer.js"
export * as SessionConfig from "./Manager/SessionConfig.js"
export * as SessionHttp from "./Manager/SessionHttp.js"
export * as SessionManager from "./Manager/SessionManager.js"
export * as SessionProvider from "./Provider/Provider.js"
export { SessionError } from "./SessionError.js"
export * as SessionCodec from "./Store/Codec.js"
export * as SessionStore from "./Store/SessionStore.js"
