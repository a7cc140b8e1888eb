/**
 * The client of MySQL: that of @effect/sql-mysql2.
 */
import * as Effect from "effect/Effect"
import { driver } from "../../src/Provider/internal/driver.js"
import type { ClientOf } from "../../src/Provider/sql/pool.js"
import type { SessionError } from "../../src/SessionError.js"

/** Makes a client with a pool. */
export const clientOf: Effect.Effect<ClientOf, SessionError> = Effect.map(
  driver("mysql", "@effect/sql-mysql2"),
  ({ MysqlClient }) => MysqlClient.layer
)
