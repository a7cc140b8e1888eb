/**
 * Sessions in Redis: one server, a cluster, or a master under sentinels.
 *
 * @since 3.0.0
 */
import "#dialect/effect@4-needs-effect-session@latest--effect@3-needs-effect-session@effect3"

export * from "./Provider/Redis.js"
