/**
 * Sessions in PostgreSQL, on a pool of their own. To share the app's pool, see `effect-session/sql`.
 *
 * @since 3.0.0
 */
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type { SessionError } from "../SessionError.js"
import * as Environment from "./internal/environment.js"
import { checked, type Names } from "./internal/options.js"
import type { SessionProvider } from "./Provider.js"
import * as Sql from "./Sql.js"
import { onPostgres } from "./sql/onPostgres.js"
import type { PoolOptions } from "./sql/pool.js"

/**
 * The options of sessions in PostgreSQL.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options extends Sql.Options, PoolOptions {}

const names: Names<Options> = {
  table: "optional",
  schema: "optional",
  migrate: "optional",
  prepared: "optional",
  url: "required",
  maxConnections: "optional",
  tls: "optional"
}

/**
 * Provides sessions in PostgreSQL. Fails with `Unavailable` if the server cannot be reached or the table cannot be
 * created, and with `InvalidConfig` if an option is wrong. Waits at most 5 seconds for a connection.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Postgres from "effect-session/postgres"
 *
 * const SessionLive = SessionLayer.make(Postgres.layer({ url: "postgres://localhost/app", schema: "web" }))
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<SessionProvider, SessionError> =>
  Layer.unwrap(
    checked(names, options, (options) =>
      Effect.succeed(onPostgres(options, (access) => Sql.fromAccess(access, options)))
    )
  )

/**
 * Provides sessions in PostgreSQL with options read from Effect's `Config`: one for each option, or one for all.
 *
 * @example
 * import { Config } from "effect"
 * import * as Postgres from "effect-session/postgres"
 *
 * const Sessions = Postgres.layerConfig({ url: Config.Redacted("STORE_URL") })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig: Environment.LayerConfig<Options> = Environment.configured(layer)

/**
 * Provides sessions in PostgreSQL with options from the environment: `SESSION_URL`, `SESSION_MAX_CONNECTIONS`,
 * `SESSION_TABLE`, `SESSION_SCHEMA`, `SESSION_MIGRATE`, `SESSION_PREPARED` and `SESSION_TLS`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Postgres from "effect-session/postgres"
 *
 * const SessionLive = SessionLayer.make(Postgres.layerFromEnv, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerFromEnv = layerConfig({
  ...Environment.table,
  url: Environment.url,
  maxConnections: Environment.maxConnections,
  prepared: Environment.prepared,
  tls: Environment.tls
})
