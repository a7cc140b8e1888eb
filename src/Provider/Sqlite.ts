/**
 * Sessions in a SQLite file: durable, without a server. The file can be the app's own.
 *
 * @since 3.0.0
 */
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { SessionError } from "../SessionError.js"
import * as Environment from "./internal/environment.js"
import { checked, type Names } from "./internal/options.js"
import { mistakeIn } from "./internal/path.js"
import { SessionProvider } from "./Provider.js"
import * as Sql from "./Sql.js"
import { failed } from "./sql/failures.js"
import { open } from "./sql/sqliteDatabase.js"

/**
 * The options of sessions in a SQLite file.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options extends Omit<Sql.Options, "prepared"> {
  /**
   * The database's file. If it is missing, it is created with rights for this user only. `:memory:` is a database that
   * ends with the layer.
   */
  readonly filename: string
}

const names: Names<Options> = { table: "optional", schema: "optional", migrate: "optional", filename: "required" }

/**
 * Provides sessions in a SQLite file. Fails with `Unavailable` if the file cannot be opened or the table cannot be
 * created, and with `InvalidConfig` if an option is wrong. The file gets a write-ahead log (`journal_mode = WAL`)
 * beside it. Do not use a file on a network drive.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Sqlite from "effect-session/sqlite"
 *
 * const SessionLive = SessionLayer.make(Sqlite.layer({ filename: "app.sqlite" }))
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<SessionProvider, SessionError> =>
  Layer.effect(
    SessionProvider,
    checked(names, options, ({ filename, migrate }) => {
      // The driver would trim the name, and open another file than the one that was made private.
      const wrong = mistakeIn(filename, "file")
      return wrong === undefined
        ? open(filename, migrate === false ? "" : Sql.ddl("sqlite", options))
        : Effect.fail(new SessionError({ reason: "InvalidConfig", message: `filename: ${wrong}` }))
    }).pipe(
      Effect.catchTag("SqlError", ({ cause }) => failed("sqlite", "connect", cause)),
      Effect.flatMap((database) => Sql.fromAccess(database, options))
    )
  )

/**
 * Provides sessions in a SQLite file with options read from Effect's `Config`: one for each option, or one for all.
 *
 * @example
 * import { Config } from "effect"
 * import * as Sqlite from "effect-session/sqlite"
 *
 * const Sessions = Sqlite.layerConfig({ filename: Config.String("STORE_FILE") })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig: Environment.LayerConfig<Options> = Environment.configured(layer)

/**
 * Provides sessions in a SQLite file with options from the environment: `SESSION_URL`, which is the file's name,
 * `SESSION_TABLE`, `SESSION_SCHEMA` and `SESSION_MIGRATE`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Sqlite from "effect-session/sqlite"
 *
 * const SessionLive = SessionLayer.make(Sqlite.layerFromEnv, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerFromEnv = layerConfig({
  ...Environment.table,
  filename: Environment.path("the name of the file")
})
