/**
 * Sessions in a PostgreSQL, MySQL or SQLite database, on the app's own `SqlClient`.
 *
 * @since 0.1.0
 */
export * from "./Provider/Sql.js"
