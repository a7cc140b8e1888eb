/**
 * The access to a database that the SQL provider needs, which an `SqlClient` or a file of the provider's own can give.
 */

import { longestRow, outside, type SqlFailure } from "#dialect/sql"
import type * as Effect from "#effect/Effect"
import type { SqlClient } from "#effect/sql/SqlClient"
import * as SqlConnection from "./connection.js"
import type { Dialect } from "./statements.js"

export interface Access {
  readonly dialect: Dialect
  /** How long a row can be that is read. */
  readonly longestRow: number
  /** Runs statements that define the table, or ask about the server. */
  readonly unsafe: (text: string) => Effect.Effect<ReadonlyArray<Readonly<Record<string, unknown>>>, SqlFailure>
  readonly withTransaction: (effect: Effect.Effect<void, SqlFailure>) => Effect.Effect<void, SqlFailure>
  /** Runs an effect without the transaction of the client that the calling fiber may be in. */
  readonly outside: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  /** Connects for the statements on sessions. */
  readonly connect: Effect.Effect<SqlConnection.Connections, SqlFailure>
}

/** The access through a client; undefined if the provider does not know the client's database. */
export const ofClient = (
  client: SqlClient,
  options: { readonly owned: boolean; readonly prepared: boolean }
): Access | undefined => {
  const sql = client.withoutTransforms()
  const dialect = SqlConnection.dialectOf(sql)
  return dialect === undefined
    ? undefined
    : {
        dialect,
        longestRow: longestRow(sql),
        unsafe: (text) => sql.unsafe(text),
        withTransaction: (effect) => sql.withTransaction(effect),
        outside: outside(sql),
        connect: SqlConnection.make(sql, dialect, options)
      }
}
