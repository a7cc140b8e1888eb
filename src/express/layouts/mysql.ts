/**
 * express-mysql-session's table in MySQL or MariaDB: `session_id`, the raw id; `data`, the session as JSON; and `expires`, in
 * Unix seconds.
 */
import type { SqlFailure } from "#dialect/sql"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type * as Layer from "#effect/Layer"
import { toBuffer } from "../../internal/bytes.js"
import * as ForeignSql from "../../Provider/foreign/sql.js"
import type { Form } from "../../Provider/foreign/sqlStatements.js"
import { lastSecond } from "../../Provider/internal/time.js"
import type { SessionProvider } from "../../Provider/Provider.js"
import type { Unsafe } from "../../Provider/sql/access.js"
import { refusedIf } from "../../Provider/sql/checks.js"
import { onMysql } from "../../Provider/sql/onMysql.js"
import type { PoolOptions } from "../../Provider/sql/pool.js"
import { clock, names, type TableName } from "../../Provider/sql/statements.js"
import type { SessionError } from "../../SessionError.js"
import * as ExpressSql from "./sql.js"

export interface Options extends ExpressSql.Options, PoolOptions {}

/**
 * Its times are rounded to seconds, halves up, that of the expiry and the one with which it is compared: a session lives until
 * half a second after `expires`.
 */
const form = (name: TableName): Form => ({
  table: names("mysql", name).table,
  id: "session_id",
  data: "data",
  expiry: "expires",
  // Bytes in UTF-8, whatever the column's character set is.
  payload: "CAST(CONVERT(data USING utf8mb4) AS BINARY)",
  hash: "SHA1(COALESCE(CONVERT(data USING utf8mb4), ''))",
  remaining: `CAST(expires AS SIGNED) * 1000 + 500 - ${clock.mysql}`,
  time: `LEAST(FLOOR((${clock.mysql} + ? + 500) / 1000), ${lastSecond})`,
  live: (expiry) => `${expiry} >= (${clock.mysql} + 500) DIV 1000`
})

/**
 * MySQL's own JSON (MariaDB's is a text) is read as another text than was written, and a write does not return it. So nobody
 * could tell the revision of what was written.
 */
const keepsText = (unsafe: Unsafe, name: TableName): Effect.Effect<void, SqlFailure | SessionError> =>
  refusedIf(
    unsafe,
    name,
    "SELECT 1 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND COLUMN_NAME = 'data' AND DATA_TYPE = 'json'",
    () =>
      `mysql: the column data of the table ${name.table} is a JSON, which MySQL rewrites: make it a mediumtext, as in express-mysql-session's schema.sql`
  )

/** The table, its statements and its limits. */
export const layoutOf = (name: TableName): ForeignSql.Layout => {
  const table = form(name)
  return {
    dialect: "mysql",
    form: table,
    ddl: [
      `CREATE TABLE IF NOT EXISTS ${table.table} (
  session_id varchar(128) COLLATE utf8mb4_bin NOT NULL,
  expires int(11) unsigned NOT NULL,
  data mediumtext COLLATE utf8mb4_bin,
  PRIMARY KEY (session_id)
) ENGINE=InnoDB`
    ],
    limits: (unsafe) =>
      Effect.andThen(
        keepsText(unsafe, name),
        Effect.map(
          ForeignSql.mysqlLimits(unsafe, name, table, Number.POSITIVE_INFINITY),
          ({ longestId = 128, maxPayload }) => ({ maxPayload, isKey: ExpressSql.keysUpTo(longestId) })
        )
      ),
    expirySlack: 1000,
    expiresAt: (now, ttl) => Math.min(Math.round((now + Duration.toMillis(ttl)) / 1000), lastSecond) * 1000 + 500,
    parameterOf: (payload) => toBuffer(payload).toString(),
    payloadOf: ForeignSql.bytesOf,
    explained: ExpressSql.explainedFor({
      table: table.table,
      schema: name.schema,
      store: "express-mysql-session",
      file: "schema.sql"
    })
  }
}

/**
 * Provides sessions in express-mysql-session's table. Fails with `Unavailable` if the server cannot be reached or the table
 * cannot be used, and with `InvalidConfig` if an option is wrong. The limit of a session is that of the column `data`, 16 MB
 * in the table of that store, or of the server's `max_allowed_packet`.
 */
export const layer = (options: Options): Layer.Layer<SessionProvider, SessionError> =>
  onMysql(options, (access) =>
    Effect.flatMap(ExpressSql.tableOf(options.table ?? "sessions"), (name) =>
      ForeignSql.make(access, layoutOf(name), options)
    )
  )
