/**
 * A client of MySQL on a pool of mysql2, since @effect/sql-mysql2 does not load with this version of Effect.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Stream from "effect/Stream"
import * as Client from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { ConnectionError, SqlError, UnknownError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import type { Pool, PoolConnection } from "mysql2"
import { createPool } from "mysql2"
import { mysqlClient } from "../dialect/sql.js"

const compiler = Statement.makeCompiler({
  dialect: "mysql",
  placeholder: () => "?",
  onIdentifier: Statement.defaultEscape("`"),
  onCustom: () => ["", []],
  onRecordUpdate: () => ["", []]
})

type Target = Pick<PoolConnection | Pool, "execute" | "query">

const connectionOn = (target: Target): Connection => {
  const raw = (sql: string, values: ReadonlyArray<unknown>, method: "execute" | "query" = "execute") =>
    Effect.callback<unknown, SqlError>((resume) => {
      target[method]({ sql, values: values as Array<any> }, (cause: unknown, results: unknown) => {
        resume(
          cause
            ? Effect.fail(new SqlError({ reason: new UnknownError({ cause, message: "the statement failed" }) }))
            : Effect.succeed(results)
        )
      })
    })
  const rows = (method: "execute" | "query") => (sql: string, params: ReadonlyArray<unknown>) =>
    Effect.map(raw(sql, params, method), (results) => (Array.isArray(results) ? results : []))
  return {
    execute: rows("execute"),
    executeRaw: (sql, params) => raw(sql, params),
    executeUnprepared: rows("query"),
    // Nothing here asks for these.
    executeValues: () => unused,
    executeValuesUnprepared: () => unused,
    executeStream: (): Stream.Stream<never, SqlError> => unused as never
  }
}

const unused = Effect.die("not used by sessions")

interface Options {
  readonly url: Redacted.Redacted
  readonly maxConnections: number
}

const make = ({ maxConnections, url }: Options) =>
  Effect.gen(function* () {
    const failed = (cause: unknown) =>
      new SqlError({ reason: new ConnectionError({ cause, message: "there is no connection" }) })
    const pool = yield* Effect.acquireRelease(
      Effect.sync(() =>
        createPool({
          uri: Redacted.value(url),
          supportBigNumbers: true,
          connectionLimit: maxConnections
        })
      ),
      (pool) => Effect.callback<void>((resume) => pool.end(() => resume(Effect.void)))
    )
    const reserved = Effect.acquireRelease(
      Effect.callback<PoolConnection, SqlError>((resume) => {
        pool.getConnection((cause, connection) =>
          resume(cause ? Effect.fail(failed(cause)) : Effect.succeed(connection))
        )
      }),
      (connection) => Effect.sync(() => connection.release())
    )
    const shared = connectionOn(pool)
    // Fails now if there is no server.
    yield* Effect.timeoutOrElse(shared.executeUnprepared("SELECT 1", [], undefined), {
      duration: "5 seconds",
      orElse: () => Effect.fail(failed(new Error("connection timeout")))
    })
    const client = yield* Client.make({
      acquirer: Effect.succeed(shared),
      transactionAcquirer: Effect.map(reserved, connectionOn),
      compiler,
      driver: "mysql2",
      spanAttributes: []
    })
    return Object.assign(client, { [mysqlClient]: mysqlClient })
  })

/** An app's client, with a pool. */
export const layer = (options: Options) =>
  Layer.effect(Client.SqlClient, make(options)).pipe(Layer.provide(Reactivity.layer))
