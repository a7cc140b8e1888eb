/**
 * Sessions in a SQLite file: durable, without a server. The file can be the app's own.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SessionProvider } from "../Provider/Provider.js"
import * as Sql from "../Provider/Sql.js"
import { open } from "../Provider/sql/sqliteDatabase.js"
import { type SessionError, unavailable } from "../SessionError.js"
import { tableConfig } from "./tableConfig.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<Sql.Options, "prepared"> {
  /** The database's file, which is made if it is missing; `:memory:` for one that ends with the layer. */
  readonly filename: string
}

/**
 * Fails with `Unavailable` where the file cannot be opened or the table cannot be made, and with `InvalidConfig` where an option is
 * wrong. The file gets a write-ahead log (`journal_mode = WAL`) beside it. Not for a file on a network drive.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Sqlite from "effect-session/sqlite"
 *
 * const SessionLive = SessionLayer.make(Sqlite.layer({ filename: "app.sqlite" }))
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<SessionProvider, SessionError> =>
  Layer.scoped(
    SessionProvider,
    open(options.filename).pipe(
      Effect.mapError(({ cause }) => unavailable("sqlite", "connect", cause)),
      Effect.flatMap((database) => Sql.fromAccess(database, options))
    )
  )

/**
 * {@link layer} with its options from the environment: `SESSION_URL` is the file's name, and `SESSION_TABLE`, `SESSION_SCHEMA` and
 * `SESSION_MIGRATE` tell of the table.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<SessionProvider, SessionError | ConfigError.ConfigError> = Layer.unwrapEffect(
  Effect.map(Config.all([Config.nonEmptyString("SESSION_URL"), tableConfig]), ([filename, table]) =>
    layer({ ...table, filename })
  )
)
