/**
 * The client of PostgreSQL: that of @effect/sql-pg.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { driver } from "../../src/Provider/internal/driver.js"
import type { ClientOf } from "../../src/Provider/sql/pool.js"
import type { SessionError } from "../../src/SessionError.js"

/** Makes a client with a pool. */
export const clientOf: Effect.Effect<ClientOf, SessionError> = Effect.map(
  driver("postgres", "@effect/sql-pg"),
  ({ PgClient }) =>
    ({ maxConnections, url }) =>
      PgClient.layer({ url, maxConnections, connectTimeout: Duration.seconds(5), applicationName: "effect-session" })
)
