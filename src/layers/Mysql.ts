/**
 * Sessions in MySQL or MariaDB, on a pool of their own. To share the app's pool, see `effect-session/sql`.
 *
 * @since 0.1.0
 */
import * as MysqlClient from "@effect/sql-mysql2/MysqlClient"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
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
export interface Options extends Omit<Sql.Options, "prepared"> {
  /** Such as `mysql://user:password@host:3306/database`. Options of mysql2 can follow it, such as `?connectTimeout=3000`. */
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
 * import * as Mysql from "effect-session/mysql"
 *
 * const SessionLive = SessionLayer.make(Mysql.layer({ url: "mysql://localhost/app", table: "web_session" }))
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<SessionProvider, SessionError> => {
  const url = Redacted.isRedacted(options.url) ? options.url : Redacted.make(options.url)
  const client = MysqlClient.layer({
    url,
    maxConnections: options.maxConnections ?? 10
  })
  return Layer.unwrapEffect(
    Effect.as(checkUrl(Redacted.value(url), ["mysql:", "mariadb:"]), ownClient("mysql", client, options))
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
