/**
 * Sessions in PostgreSQL on a pool of their own.
 */
import { onPool, poolOf } from "./pool.js"
import { connector } from "./postgresLine.js"

export const openPostgres = poolOf("postgres", ["postgres:", "postgresql:"], connector)

export const onPostgres = onPool(openPostgres)
