/**
 * Sessions in a SQLite file.
 *
 * @since 0.1.0
 */
export * from "./Provider/Sqlite.js"
