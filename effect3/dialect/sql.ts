/**
 * The parts of @effect/sql that are used, without loading it: an app on another backend does not have it. Its tags are
 * found by their keys, which is also how two copies of the package share them. Some of this is not part of that
 * package's public API; `test/provider/effectSql.test.ts` fails if it changes.
 */
import type * as Client from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"

export const SqlClient: Context.Tag<Client.SqlClient, Client.SqlClient> = Context.GenericTag("@effect/sql/SqlClient")

export type SqlClient = Client.SqlClient

/** The transaction that a fiber is in. */
export const TransactionConnection: typeof Client.TransactionConnection = Context.GenericTag(
  "@effect/sql/SqlClient/TransactionConnection"
)

/** The failure of a statement: `SqlError`, or an equivalent from a driver that is used without @effect/sql. */
export interface SqlFailure {
  readonly _tag: "SqlError"
  readonly cause?: unknown
}

/** The error of the driver. */
export const causeOf = ({ cause }: SqlFailure): unknown => cause

/** The `TypeId`s of the clients of @effect/sql-pg and @effect/sql-mysql2. */
export const pgClient = "~@effect/sql-pg/PgClient"
export const mysqlClient = Symbol.for("@effect/sql-mysql2/MysqlClient")

/** The connection of the transaction that the fiber is in, if it is in one. */
export const openConnection = (_sql: SqlClient): Effect.Effect<Connection | undefined> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const open = Context.getOption(context, TransactionConnection)
    return Option.isSome(open) ? open.value[0] : undefined
  })

/** Whether a client has several connections, so that statements run at once. */
export const isPooled = (sql: SqlClient): boolean => pgClient in sql || mysqlClient in sql

/**
 * The connection on which a client itself runs a statement when no transaction is open: its pool, or its only
 * connection. The public `reserve` takes a connection out of the pool instead, which takes as long as a statement.
 */
export const sharedConnection = (sql: SqlClient): Effect.Effect<Connection, SqlFailure> => {
  const { acquirer } = sql`` as unknown as { readonly acquirer: SqlClient["reserve"] }
  return Effect.scoped(acquirer)
}

/** Runs an effect without the transaction that the calling fiber may be in. */
export const outside =
  (_sql: SqlClient) =>
  <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.mapInputContext(effect, Context.omit(TransactionConnection))

export const reserveIn = (sql: SqlClient, scope: Scope.Scope): Effect.Effect<Connection, SqlFailure> =>
  Scope.extend(sql.reserve, scope)

/** How long a row can be that the client reads. */
export const longestRow = (_sql: SqlClient): number => Number.POSITIVE_INFINITY

/**
 * The text of a statement that PostgreSQL prepares. @effect/sql-pg passes on what it gets, and node-postgres prepares
 * statements that have a name.
 */
export const preparedText = (sql: SqlClient, name: string, text: string): string =>
  pgClient in sql ? ({ name, text } as unknown as string) : text

/** The text of a statement that was to be prepared. */
export const plainText = (statement: string): string =>
  typeof statement === "string" ? statement : (statement as { readonly text: string }).text
