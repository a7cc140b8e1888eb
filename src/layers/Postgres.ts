/**
 * Sessions in PostgreSQL, on a pool of their own. To share the app's pool, see `effect-session/sql`.
 *
 * @since 0.1.0
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { SessionProvider } from "../Provider/Provider.js"
import type * as Sql from "../Provider/Sql.js"
import type { SessionError } from "../SessionError.js"
import { checkUrl, ownClient, tableConfig } from "./ownClient.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Sql.Options {
  /** Such as `postgres://user:password@host:5432/database?sslmode=require`. */
  readonly url: string | Redacted.Redacted
  /** The most connections. Default 10. */
  readonly maxConnections?: number | undefined
}

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
export const layer = (options: Options): Layer.Layer<SessionProvider, SessionError> => {
  const url = Redacted.isRedacted(options.url) ? options.url : Redacted.make(options.url)
  const client = PgClient.layer({
    url,
    maxConnections: options.maxConnections ?? 10,
    connectTimeout: Duration.seconds(5),
    applicationName: "effect-session"
  })
  return Layer.unwrapEffect(
    Effect.as(checkUrl(Redacted.value(url), ["postgres:", "postgresql:"]), ownClient("postgresql", client, options))
  )
}

/**
 * {@link layer} with its options from the environment: `SESSION_URL`, `SESSION_TABLE`, `SESSION_SCHEMA`, `SESSION_MIGRATE`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<SessionProvider, SessionError | ConfigError.ConfigError> = Layer.unwrapEffect(
  Effect.map(Config.all([Config.redacted("SESSION_URL"), tableConfig]), ([url, table]) => layer({ ...table, url }))
)
