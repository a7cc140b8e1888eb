/**
 * Sessions in Couchbase.
 *
 * @since 0.1.0
 */
export * from "./Provider/Couchbase.js"
