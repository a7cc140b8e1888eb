/**
 * Sessions in PostgreSQL on a pool of their own.
 */
import { onPool } from "./pool.js"
import { connector } from "./postgresLine.js"

export const onPostgres = onPool("postgres", ["postgres:", "postgresql:"], connector)
