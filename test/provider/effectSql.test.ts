/**
 * What is known of @effect/sql without loading it is what it has.
 */
import * as MysqlClient from "@effect/sql-mysql2/MysqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import { mysqlClient, pgClient, SqlClient, type SqlFailure, TransactionConnection } from "#dialect/sql"
import * as Client from "#effect/sql/SqlClient"
import { SqlError } from "#effect/sql/SqlError"
import { describe, expect, it } from "#test/vitest"

describe("@effect/sql, by keys", () => {
  it("has these tags", () => {
    expect(SqlClient.key).toBe(Client.SqlClient.key)
    expect(TransactionConnection.key).toBe(Client.TransactionConnection.key)
  })

  it("has clients with these type ids", () => {
    expect(pgClient).toBe(PgClient.TypeId)
    expect(mysqlClient).toBe(MysqlClient.TypeId)
  })

  it("fails with what is taken for its error", () => {
    const error: SqlFailure = new SqlError({ cause: "why" })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ _tag: "SqlError", cause: "why" })
  })
})
