/**
 * Sessions in PostgreSQL on a pool of their own.
 */
import { clientOf } from "#dialect/postgresClient"
import { onPool } from "./pool.js"

export const onPostgres = onPool("postgres", ["postgres:", "postgresql:"], clientOf)
