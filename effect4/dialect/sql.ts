/**
 * The parts of Effect's SQL clients that are used, without loading them: an app on another backend does not need them.
 * Some of this is not part of their public API; `test/provider/effectSql.test.ts` fails if it changes.
 */
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type * as Client from "effect/sql/SqlClient"
import type { Borrower, Connection } from "effect/sql/SqlConnection"

export const SqlClient: Context.Service<Client.SqlClient, Client.SqlClient> =
  Context.Service<Client.SqlClient>("effect/sql/SqlClient")

export type SqlClient = Client.SqlClient

/** The failure of a statement: `SqlError`, or an equivalent from a driver that is used without Effect's clients. */
export interface SqlFailure {
  readonly _tag: "SqlError"
  readonly cause?: unknown
  readonly reason?: { readonly cause?: unknown }
}

/** The error of the driver. */
export const causeOf = ({ cause, reason }: SqlFailure): unknown => (reason === undefined ? cause : reason.cause)

/** The `TypeId`s of the clients of @effect/sql-pg and of MySQL. */
export const pgClient = "~@effect/sql-pg/PgClient"
export const mysqlClient = "~@effect/sql-mysql2/MysqlClient"

/** The connection of the transaction of this client that the fiber is in, if it is in one. */
export const openConnection = (sql: SqlClient): Effect.Effect<Connection | undefined> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const open = Context.getOption(context, sql.transactionService)
    return Effect.succeed(Option.isSome(open) ? open.value[0] : undefined)
  })

/** Whether a client has several connections, so that statements run at once. */
export const isPooled = (sql: SqlClient): boolean => pgClient in sql || mysqlClient in sql

/**
 * Runs statements as a client itself does when no transaction is open: each on a connection that its pool lends, or on
 * its only one. The public `reserve` takes a connection out of the pool for longer.
 */
export const sharedConnection = (sql: SqlClient): Effect.Effect<Pick<Connection, "executeRaw">, SqlFailure> => {
  const { acquirer, borrower } = sql`` as unknown as {
    readonly acquirer: SqlClient["reserve"]
    readonly borrower: Borrower | undefined
  }
  const lend: Borrower = borrower ?? ((use) => Effect.scoped(Effect.flatMap(acquirer, use)))
  return isPooled(sql)
    ? Effect.succeed({
        executeRaw: (text, params) => outside(sql)(lend((connection) => connection.executeRaw(text, params)))
      })
    : Effect.scoped(acquirer)
}

/** Runs an effect without the transaction of this client that the calling fiber may be in. */
export const outside =
  (sql: SqlClient) =>
  <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.updateContext(
      effect,
      (context: Context.Context<never>) => Context.omit(sql.transactionService)(context) as Context.Context<never>
    )

export const reserveIn = (sql: SqlClient, scope: Scope.Scope): Effect.Effect<Connection, SqlFailure> =>
  Scope.provide(sql.reserve, scope)

/** How long a row can be that the client reads. */
export const longestRow = (sql: SqlClient): number =>
  pgClient in sql ? ((sql as PgClient).config.maxMessageSize ?? 2 ** 24) : Number.POSITIVE_INFINITY

/** The text of a statement that PostgreSQL prepares: here the client decides that by itself. */
export const preparedText = (_sql: SqlClient, _name: string, text: string): string => text

export const plainText = (statement: string): string => statement
