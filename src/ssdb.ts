/**
 * Sessions in SSDB.
 *
 * @since 0.1.0
 */
export * from "./Provider/Ssdb.js"
