/**
 * Sessions in PostgreSQL on a pool of their own.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Duration from "effect/Duration"
import { onPool } from "./pool.js"

export const onPostgres = onPool("postgresql", ["postgres:", "postgresql:"], (pool) =>
  PgClient.layer({ ...pool, connectTimeout: Duration.seconds(5), applicationName: "effect-session" })
)
