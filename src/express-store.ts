/**
 * A store for express-session and @fastify/session that keeps sessions on any provider.
 *
 * @since 3.0.0
 */
import "#dialect/effect@4-needs-effect-session@latest--effect@3-needs-effect-session@effect3"

export { type ExpressStore, make } from "./express/store/ExpressStore.js"
export type { Options } from "./express/store/options.js"
