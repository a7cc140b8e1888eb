/**
 * The access to a database that the SQL provider needs, which an `SqlClient`, a pool or a file of the provider's own can
 * give.
 */

import { longestRow, outside, type SqlFailure } from "#dialect/sql"
import * as Data from "#effect/Data"
import type * as Effect from "#effect/Effect"
import type { SqlClient } from "#effect/sql/SqlClient"
import * as SqlConnection from "./connection.js"
import type { Dialect } from "./statements.js"

/** Runs a statement that defines the table, or asks about the server, without preparing it. */
export type Unsafe = (
  text: string,
  params?: ReadonlyArray<unknown>
) => Effect.Effect<ReadonlyArray<SqlConnection.Row>, SqlFailure>

export interface Access {
  readonly dialect: Dialect
  /** How long a row can be that is read. */
  readonly longestRow: number
  readonly unsafe: Unsafe
  readonly transaction: (use: (unsafe: Unsafe) => Effect.Effect<void, SqlFailure>) => Effect.Effect<void, SqlFailure>
  /** Runs an effect without the transaction of the client that the calling fiber may be in. */
  readonly outside: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  /** Connects for the statements on sessions. */
  readonly connect: Effect.Effect<SqlConnection.Connections, SqlFailure>
}

/** The failure of a driver that is used directly. */
export class SqlError extends Data.TaggedError("SqlError")<{ readonly cause: unknown }> {}

/** The access through a client; undefined if the provider does not know the client's database. */
export const ofClient = (client: SqlClient, options: { readonly prepared: boolean }): Access | undefined => {
  const sql = client.withoutTransforms()
  const dialect = SqlConnection.dialectOf(sql)
  const unsafe: Unsafe = (text, params) => {
    const statement = sql.unsafe<SqlConnection.Row>(text, params)
    // SQLite's clients die of a statement that cannot be prepared, if it is to run only once.
    return dialect === "sqlite" ? statement : statement.unprepared
  }
  return dialect === undefined
    ? undefined
    : {
        dialect,
        longestRow: longestRow(sql),
        unsafe,
        transaction: (use) => sql.withTransaction(use(unsafe)),
        outside: outside(sql),
        connect: SqlConnection.make(sql, dialect, options)
      }
}
