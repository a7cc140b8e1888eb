/**
 * The SQL clients that an app can have, and what the library knows of them by name. Those for MySQL and SQLite do not
 * load with this version of Effect: small ones stand for them.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import Sqlite from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Semaphore from "effect/Semaphore"
import * as Client from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { SqlError, UnknownError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import { pgClient, SqlClient } from "../dialect/sql.js"
import * as MysqlClient from "./mysqlClient.js"

/** How a client renames columns. */
export interface Transforms {
  readonly transformQueryNames?: (name: string) => string
  readonly transformResultNames?: (name: string) => string
}

export const postgres = PgClient.layer

/** The largest payload that the client of PostgreSQL reads by default. */
export const maxPayload = 2 ** 24 - 1024

export const mysql = MysqlClient.layer

export const sqlite = ({
  filename,
  transformQueryNames,
  transformResultNames
}: { readonly filename: string } & Transforms) =>
  Layer.effect(
    Client.SqlClient,
    Effect.gen(function* () {
      const database = yield* Effect.acquireRelease(
        Effect.sync(() => new Sqlite(filename)),
        (database) => Effect.sync(() => database.close())
      )
      database.pragma("journal_mode = WAL")
      return yield* Client.make({
        ...Client.makeSqliteAcquirers({
          connection: Effect.succeed(connectionOn(database)),
          semaphore: yield* Semaphore.make(1)
        }),
        compiler: Statement.makeCompilerSqlite(transformQueryNames),
        driver: "better-sqlite3",
        spanAttributes: [],
        transformRows: transformResultNames && Statement.defaultTransforms(transformResultNames).array
      })
    })
  ).pipe(Layer.provide(Reactivity.layer))

const connectionOn = (database: Sqlite.Database): Connection => {
  const executeRaw = (sql: string, params: ReadonlyArray<unknown>) =>
    Effect.try({
      try: () => {
        const statement = database.prepare(sql)
        return statement.reader ? statement.all(...params) : statement.run(...params)
      },
      catch: failureOf
    })
  const execute: Connection["execute"] = (sql, params, transform = (rows) => rows) =>
    Effect.map(executeRaw(sql, params), (result) => (Array.isArray(result) ? transform(result as Array<object>) : []))
  return {
    execute,
    executeRaw,
    executeUnprepared: execute,
    executeStream: unused,
    executeValues: unused,
    executeValuesUnprepared: unused
  }
}

const unused = (): never => {
  throw new Error("not used")
}

/** Each name, as the library knows it and as the package has it. */
export const names: ReadonlyArray<readonly [of: string, known: unknown, real: unknown]> = [
  ["clients", SqlClient.key, Client.SqlClient.key],
  ["PostgreSQL's client", pgClient, PgClient.TypeId]
]

export const failureOf = (cause: unknown) => new SqlError({ reason: new UnknownError({ cause }) })
