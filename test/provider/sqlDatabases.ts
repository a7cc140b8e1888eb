// The databases that the SQL tests run on: how to reach each as a session layer, and as an app that has its own client.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SessionError, SessionProvider } from "effect-session"
import * as Mysql from "effect-session/mysql"
import * as Postgres from "effect-session/postgres"
import type * as Sql from "effect-session/sql"
import * as Sqlite from "effect-session/sqlite"
import * as Effect from "#effect/Effect"
import type * as Layer from "#effect/Layer"
import * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import * as SqlClient from "#effect/sql/SqlClient"
import * as Clients from "#test/sqlClients"

export type TableOptions = Pick<Sql.Options, "table" | "schema" | "migrate">

export interface Database {
  readonly dialect: Sql.Dialect
  /** Its `SESSION_URL`. */
  readonly url: string
  /** The provider on a client of its own. */
  readonly layer: (options?: TableOptions) => Layer.Layer<SessionProvider.SessionProvider, SessionError>
  /** An app's client, which renames columns as apps like to. */
  readonly client: (maxConnections?: number, prepare?: boolean) => Layer.Layer<SqlClient.SqlClient, unknown>
}

const transforms: Clients.Transforms = {
  transformQueryNames: (name) => name.replace(/[A-Z]/g, "_$&").toLowerCase(),
  transformResultNames: (name) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

export const postgres = (url: string): Database => ({
  dialect: "postgres",
  url,
  layer: (options) => Postgres.layer({ ...options, url }),
  client: (maxConnections = 10, prepare = true) =>
    Clients.postgres({ url: Redacted.make(url), maxConnections, prepare, ...transforms })
})

export const mysql = (url: string): Database => ({
  dialect: "mysql",
  url,
  layer: (options) => Mysql.layer({ ...options, url }),
  client: (maxConnections = 10) => Clients.mysql({ url: Redacted.make(url), maxConnections, ...transforms })
})

export const sqliteFile = (filename: string): Database => ({
  dialect: "sqlite",
  url: filename,
  layer: (options) => Sqlite.layer({ ...options, filename }),
  client: () => Clients.sqlite({ filename, ...transforms })
})

/** A file in a temporary folder. */
export const sqlite: Effect.Effect<Database, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-sqlite-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  ),
  (folder) => sqliteFile(join(folder, "sessions.sqlite"))
)

/** Runs statements as an administrator would. */
export const execute = (database: Database, ...texts: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    let rows: ReadonlyArray<Readonly<Record<string, unknown>>> = []
    for (const text of texts) {
      rows = yield* sql.unsafe<Readonly<Record<string, unknown>>>(text).unprepared
    }
    return rows
  }).pipe(Effect.provide(database.client(1)), Effect.orDie)

let tables = 0

/** A name that no table has yet. */
export const freshTable = (): string => `t${process.pid}_${++tables}`

/** Many sessions of 500 bytes at once, made in the database itself: every second one has expired by `now`. */
export const fillHalfExpired = (database: Database, table: string, rows: number, now: number) =>
  execute(
    database,
    `INSERT INTO ${table} (id, payload, version, created_at, expires_at) ${
      {
        mysql: `SELECT UNHEX(SHA2(seq, 256)), REPEAT('x', 500), 1, ${now}, ${now} + IF(seq % 2, -1000, 86400000) FROM seq_1_to_${rows}`,
        postgres: `SELECT sha256(n::text::bytea), repeat('x', 500)::bytea, 1, ${now}, ${now} + CASE n % 2 WHEN 0 THEN -1000 ELSE 86400000 END FROM generate_series(1, ${rows}) n`,
        sqlite: `WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${rows}) SELECT randomblob(32), zeroblob(500), 1, ${now}, ${now} + CASE n % 2 WHEN 0 THEN -1000 ELSE 86400000 END FROM s`
      }[database.dialect]
    }`,
    { mysql: `ANALYZE TABLE ${table}`, postgres: `VACUUM ANALYZE ${table}`, sqlite: "ANALYZE" }[database.dialect]
  )
