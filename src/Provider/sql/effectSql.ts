/**
 * What is used of @effect/sql itself, without loading it: an app on another backend does not have it. Its tags are known by their keys,
 * as two copies of the package know each other's. Some of it is no promise of that package: `test/provider/effectSql.test.ts` and
 * `effectSqlCases.ts` fail when it is so no longer.
 */
import type * as Client from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

export const SqlClient: Context.Tag<Client.SqlClient, Client.SqlClient> = Context.GenericTag("@effect/sql/SqlClient")

export type SqlClient = Client.SqlClient

/** The transaction that a fiber is in. */
export const TransactionConnection: typeof Client.TransactionConnection = Context.GenericTag(
  "@effect/sql/SqlClient/TransactionConnection"
)

/** What a statement fails with: `SqlError`, or the same of a driver used without @effect/sql. */
export interface SqlFailure {
  readonly _tag: "SqlError"
  readonly cause?: unknown
}

/** The `TypeId`s of the clients of @effect/sql-pg and @effect/sql-mysql2. */
export const pgClient = "~@effect/sql-pg/PgClient"
export const mysqlClient = Symbol.for("@effect/sql-mysql2/MysqlClient")

/** Whether a client has several connections, so that statements run at once. */
export const isPooled = (sql: SqlClient): boolean => pgClient in sql || mysqlClient in sql

/**
 * What a client itself runs a statement on when no transaction is open: its pool, or the one connection that there is. `reserve`, which
 * is public, takes a connection out of the pool instead, and that costs as much as a statement.
 */
export const sharedConnection = (sql: SqlClient): Effect.Effect<Connection, SqlFailure> => {
  const { acquirer } = sql`` as unknown as { readonly acquirer: SqlClient["reserve"] }
  return Effect.scoped(acquirer)
}

/** The text of a statement that PostgreSQL prepares: @effect/sql-pg hands on what it gets, and node-postgres prepares what has a name. */
export const preparedText = (sql: SqlClient, name: string, text: string): string =>
  pgClient in sql ? ({ name, text } as unknown as string) : text
