/**
 * Sessions in the memory of this process.
 *
 * @since 0.1.0
 */
export * from "./Provider/Memory.js"
