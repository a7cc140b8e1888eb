/**
 * Sessions in PostgreSQL on a pool of their own.
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { driver } from "../internal/driver.js"
import { onPool } from "./pool.js"

export const onPostgres = onPool(
  "postgres",
  ["postgres:", "postgresql:"],
  Effect.map(
    driver("postgres", "@effect/sql-pg"),
    ({ PgClient }) =>
      (pool) =>
        PgClient.layer({ ...pool, connectTimeout: Duration.seconds(5), applicationName: "effect-session" })
  )
)
