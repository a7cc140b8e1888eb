/**
 * Sessions in PostgreSQL, on a pool of their own. To share the app's pool, see `effect-session/sql`.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SessionProvider } from "../Provider/Provider.js"
import * as Sql from "../Provider/Sql.js"
import type { PoolOptions } from "../Provider/sql/pool.js"
import { onPostgres } from "../Provider/sql/postgresClient.js"
import type { SessionError } from "../SessionError.js"
import { tableConfig } from "./tableConfig.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Sql.Options, PoolOptions {}

/**
 * Fails with `Unavailable` where the server cannot be reached or the table cannot be made, and with `InvalidConfig` where an option
 * is wrong. Waits 5 seconds at most for a connection.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Postgres from "effect-session/postgres"
 *
 * const SessionLive = SessionLayer.make(Postgres.layer({ url: "postgres://localhost/app", schema: "web" }))
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<SessionProvider, SessionError> =>
  onPostgres(options, (client) => Sql.fromClient(client, options, true))

/**
 * {@link layer} with its options from the environment: `SESSION_URL`, `SESSION_TABLE`, `SESSION_SCHEMA`, `SESSION_MIGRATE`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<SessionProvider, SessionError | ConfigError.ConfigError> = Layer.unwrapEffect(
  Effect.map(Config.all([Config.redacted("SESSION_URL"), tableConfig]), ([url, table]) => layer({ ...table, url }))
)
