/**
 * connect-pg-simple's table in PostgreSQL: `sid`, the raw id; `sess`, the session as JSON; and `expire`, the second in which
 * it expires, in the time zone of the connection.
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type * as Layer from "#effect/Layer"
import { toBuffer } from "../../internal/bytes.js"
import * as ForeignProvider from "../../Provider/foreign/provider.js"
import * as ForeignSql from "../../Provider/foreign/sql.js"
import type { Form } from "../../Provider/foreign/sqlStatements.js"
import { lastSecond } from "../../Provider/internal/time.js"
import { defaultCapabilities, type SessionProvider } from "../../Provider/Provider.js"
import { onPostgres } from "../../Provider/sql/onPostgres.js"
import type { PoolOptions } from "../../Provider/sql/pool.js"
import { names, type TableName } from "../../Provider/sql/statements.js"
import { SessionError } from "../../SessionError.js"
import * as ExpressSql from "./sql.js"

export interface Options extends ExpressSql.Options, PoolOptions {}

/** The column `sid` has no limit, but its index: about 2,700 bytes. */
const longestKey = 2_000

/** An id that is not known to be too long is looked for in vain. */
const longestOf = (column: number): number => (column > 0 ? Math.min(column, longestKey) : longestKey)

/**
 * Its own times are whole seconds, up to which a session lives: `expire >= now`. The server converts them from and to the
 * time zone of the connection, as it does for connect-pg-simple. A session may never expire: `infinity`, of which nothing can
 * be subtracted.
 */
const form = (name: TableName): Form => ({
  table: names("postgres", name).table,
  id: "sid",
  data: "sess",
  expiry: "expire",
  payload: "sess::text",
  hash: "ENCODE(SHA256(CONVERT_TO(sess::text, 'UTF8')), 'hex')",
  // A jsonb has another text than it was given.
  rewrites: true,
  remaining: "(EXTRACT(EPOCH FROM expire::timestamptz) - EXTRACT(EPOCH FROM statement_timestamp())) * 1000",
  time: `TO_TIMESTAMP(LEAST(CEIL(EXTRACT(EPOCH FROM statement_timestamp()) + ?::float8 / 1000), ${lastSecond}))`,
  live: (expiry) => `${expiry} >= statement_timestamp()`
})

/** What jsonb says to a text that json takes. */
const unfit = ["22P02", "22P05"]

/** The table, its statements and its limits. */
export const layoutOf = (name: TableName): ForeignSql.Layout => {
  const table = form(name)
  const explained = ExpressSql.explainedFor({
    table: table.table,
    schema: name.schema,
    store: "connect-pg-simple",
    file: "table.sql"
  })
  return {
    dialect: "postgres",
    form: table,
    // The names of its key and its index, of which connect-pg-simple can have only one in a schema, have the table's in them.
    ddl: [
      `CREATE TABLE IF NOT EXISTS ${table.table} (
  sid varchar NOT NULL PRIMARY KEY,
  sess json NOT NULL,
  expire timestamp(6) NOT NULL
)`,
      `CREATE INDEX IF NOT EXISTS ${names("postgres", { table: `IDX_${name.table}_expire` }).table} ON ${table.table} (expire)`
    ],
    limits: (unsafe) =>
      Effect.map(
        unsafe(
          "SELECT atttypmod - 4 AS length FROM pg_attribute WHERE attrelid = TO_REGCLASS($1) AND attname = 'sid'",
          [table.table]
        ),
        ([row]) => ({
          maxPayload: defaultCapabilities.maxPayload,
          isKey: ExpressSql.keysUpTo(longestOf(Number(row?.["length"])))
        })
      ),
    expirySlack: 1000,
    expiresAt: (now, ttl) => Math.min(Math.ceil((now + Duration.toMillis(ttl)) / 1000), lastSecond) * 1000,
    revisionOf: ForeignProvider.sha256,
    parameterOf: (payload) => toBuffer(payload).toString(),
    payloadOf: (data) => Buffer.from(data as string),
    explained: (cause) =>
      unfit.includes(ExpressSql.codeIn(cause) ?? "")
        ? new SessionError({
            reason: "InvalidValue",
            message:
              "postgres: a text in the session has a \\u0000, or half of a surrogate pair, which the type jsonb cannot hold: let the session have none, or make the column sess a json"
          })
        : explained(cause)
  }
}

/**
 * Provides sessions in connect-pg-simple's table. Fails with `Unavailable` if the server cannot be reached or the table cannot
 * be used, and with `InvalidConfig` if an option is wrong. A session whose text the column cannot hold fails with
 * `InvalidValue`. The column can be a `json`, as connect-pg-simple makes it, or a `jsonb`.
 */
export const layer = (options: Options): Layer.Layer<SessionProvider, SessionError> =>
  onPostgres(options, (access) =>
    Effect.flatMap(ExpressSql.tableOf(options.table ?? "session"), (name) =>
      ForeignSql.make(access, layoutOf(name), options)
    )
  )
