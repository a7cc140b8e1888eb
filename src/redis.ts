/**
 * Sessions in Redis: one server, a cluster, or a master under sentinels.
 *
 * @since 0.1.0
 */
export * from "./Provider/Redis.js"
