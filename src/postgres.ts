/**
 * Sessions in PostgreSQL.
 *
 * @since 0.1.0
 */
export * from "./Provider/Postgres.js"
