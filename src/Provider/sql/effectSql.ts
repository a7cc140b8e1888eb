/**
 * What is used of @effect/sql itself, without loading it: an app on another backend does not have it. Its tags are known by their keys,
 * as two copies of the package know each other's.
 */
import type * as Client from "@effect/sql/SqlClient"
import * as Context from "effect/Context"

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
