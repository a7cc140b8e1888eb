/**
 * The parts of Effect's SQL clients that are used, without loading them: an app on another backend does not need them.
 * Some of this is not part of their public API; `test/provider/effectSql.test.ts` and `effectSqlCases.ts` fail if it
 * changes.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type * as Client from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"

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

/** The `TypeId`s of the clients of @effect/sql-pg and of MySQL (`mysqlClient.ts`). */
export const pgClient = "~@effect/sql-pg/PgClient"
export const mysqlClient = "~@effect/sql-mysql2/MysqlClient"

/** The connection of the transaction of this client that the fiber is in, if it is in one. */
export const openConnection = (sql: SqlClient): Effect.Effect<Connection | undefined> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const open = Context.getOption(context, sql.transactionService)
    return Effect.succeed(Option.isSome(open) ? open.value[0] : undefined)
  })

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

/** Turns the defect of a client that dies if a COMMIT or ROLLBACK fails into a failure. */
export const failing = <A>(effect: Effect.Effect<A, SqlFailure>): Effect.Effect<A, SqlFailure> =>
  Effect.catchDefect(effect, (defect) => (isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)))

const isSqlError = (defect: unknown): defect is SqlFailure =>
  defect instanceof Error && "_tag" in defect && defect._tag === "SqlError"

/** The text of a statement that PostgreSQL prepares: here the client decides that by itself. */
export const preparedText = (_sql: SqlClient, _name: string, text: string): string => text
