/**
 * Sessions in memcached.
 *
 * @since 0.1.0
 */
export * from "./Provider/Memcached.js"
