/**
 * Sessions in LedisDB.
 *
 * @since 0.1.0
 */
export * from "./Provider/Ledis.js"
