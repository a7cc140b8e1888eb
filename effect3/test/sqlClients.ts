/**
 * The SQL clients that an app can have, and what the library knows of them by name.
 */

import * as Client from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as MysqlClient from "@effect/sql-mysql2/MysqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { mysqlClient, pgClient, SqlClient, type SqlFailure, TransactionConnection } from "#dialect/sql"

/** How a client renames columns. */
export interface Transforms {
  readonly transformQueryNames?: (name: string) => string
  readonly transformResultNames?: (name: string) => string
}

/** What this client does not prepare by itself is prepared where the library says so. */
export const postgres = ({ prepare: _, ...config }: PgClient.PgClientConfig & { readonly prepare?: boolean }) =>
  PgClient.layer(config)

/** The largest payload that the client of PostgreSQL reads by default. */
export const maxPayload = 2 ** 24

export const mysql = MysqlClient.layer
export const sqlite = SqliteClient.layer

/** Each name, as the library knows it and as the package has it. */
export const names: ReadonlyArray<readonly [of: string, known: unknown, real: unknown]> = [
  ["clients", SqlClient.key, Client.SqlClient.key],
  ["transactions", TransactionConnection.key, Client.TransactionConnection.key],
  ["PostgreSQL's client", pgClient, PgClient.TypeId],
  ["MySQL's client", mysqlClient, MysqlClient.TypeId]
]

export const failureOf = (cause: unknown): SqlFailure => new SqlError({ cause })
