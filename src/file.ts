/**
 * Sessions in files.
 *
 * @since 0.1.0
 */
export * from "./Provider/File.js"
