/**
 * Sessions in a SQLite file: durable, without a server. The file can be the app's own.
 *
 * @since 0.1.0
 */

import { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ownClient } from "../Provider/internal/ownClient.js"
import type { SessionProvider } from "../Provider/Provider.js"
import * as Sql from "../Provider/Sql.js"
import type { SessionError } from "../SessionError.js"
import { tableConfig } from "./tableConfig.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<Sql.Options, "prepared"> {
  /** The database's file, which is made if it is missing; `:memory:` for one that ends with the layer. */
  readonly filename: string
}

/** Opens the file. better-sqlite3 throws where it cannot, which the client does not expect. */
const client = (filename: string): Layer.Layer<SqlClient, SqlError | ConfigError.ConfigError> =>
  Layer.scopedContext(
    Layer.build(SqliteClient.layer({ filename })).pipe(
      Effect.catchAllDefect((cause) => new SqlError({ cause, message: "SqliteClient: failed to open the file" })),
      Effect.tap((context) => {
        const sql = Context.get(context, SqlClient)
        return Effect.zipRight(
          // The driver waits for a lock with the whole process; the provider tries again by itself.
          sql.unsafe("PRAGMA busy_timeout = 0"),
          // With the write-ahead log a crash of the process loses nothing, and one of the machine the last moments at most.
          sql.unsafe("PRAGMA synchronous = NORMAL")
        )
      })
    )
  )

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
  ownClient("sqlite", client(options.filename), (client) => Sql.fromClient(client, options, true))

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
