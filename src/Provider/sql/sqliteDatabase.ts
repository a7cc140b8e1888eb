/**
 * A SQLite file of the provider's own, on better-sqlite3 itself: the bookkeeping of a client would take as long as its
 * statements, which never wait. All calls are synchronous, on one connection that nothing else uses.
 */
import type { Database } from "better-sqlite3"
import type { SqlFailure } from "#dialect/sql"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import type { SessionError } from "../../SessionError.js"
import { driver } from "../internal/driver.js"
import { type Access, SqlError, type Unsafe } from "./access.js"
import { afterFailure, type Connections, firstBy, type Result, type Row, type Run, toResult } from "./connection.js"

const trying = <A>(f: () => A): Effect.Effect<A, SqlFailure> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(f())
    } catch (cause) {
      return Effect.fail(new SqlError({ cause }))
    }
  })

const prepareFile = (database: Database): Database => {
  database.pragma("journal_mode = WAL")
  // While waiting for a lock, the driver blocks the whole process; the provider tries again by itself.
  database.pragma("busy_timeout = 0")
  // With the write-ahead log, a crash of the process loses nothing, and a crash of the machine only the most recent
  // writes.
  database.pragma("synchronous = NORMAL")
  return database
}

const sqlite = driver("sqlite", "better-sqlite3")

/** Opens the file, and closes it with the scope. Fails with `InvalidConfig` if the driver is missing. */
export const open = (filename: string): Effect.Effect<Access, SqlFailure | SessionError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.flatMap(sqlite, ({ default: Sqlite }) => trying(() => prepareFile(new Sqlite(filename)))),
      (database) => Effect.sync(() => database.close())
    ),
    (database) => {
      const prepared = new Map<string, ReturnType<typeof prepare>>()
      const prepare = (text: string) => {
        const statement = database.prepare<Array<unknown>, Row>(text)
        const execute = statement.reader
          ? (params: ReadonlyArray<unknown>) => statement.all(params)
          : (params: ReadonlyArray<unknown>) => statement.run(params)
        const made = { statement, execute }
        prepared.set(text, made)
        return made
      }
      const preparedOf = (text: string) => prepared.get(text) ?? prepare(text)

      const attempt = (
        statement: string,
        params: ReadonlyArray<unknown>,
        n: number
      ): Effect.Effect<Result, unknown> => {
        try {
          return Effect.succeed(toResult(preparedOf(statement).execute(params)))
        } catch (cause) {
          return afterFailure(cause, n, () => attempt(statement, params, n + 1))
        }
      }
      const run: Run = (statement, params) => Effect.suspend(() => attempt(statement, params, 1))
      const first: Connections["first"] = (statement, answer) => {
        const again = firstBy(run)(statement, answer)
        return (...params) => {
          try {
            return Effect.succeed(answer(preparedOf(statement).statement.get(...params)))
          } catch {
            return again(...params)
          }
        }
      }
      const unsafe: Unsafe = (text) => trying(() => once(database, text))
      return {
        dialect: "sqlite",
        longestRow: Number.POSITIVE_INFINITY,
        unsafe,
        transaction: (use) =>
          Effect.acquireUseRelease(
            unsafe("BEGIN IMMEDIATE"),
            () => Effect.tap(use(unsafe), unsafe("COMMIT")),
            () => Effect.suspend(() => (database.inTransaction ? Effect.orDie(unsafe("ROLLBACK")) : Effect.void))
          ),
        outside: (effect) => effect,
        connect: Effect.succeed({
          dialect: "sqlite",
          pooled: false,
          statement: (text) => text,
          run,
          write: run,
          first,
          reserve: (use) => use(run)
        })
      }
    }
  )

/** Runs a statement that defines the table, and is needed only once. */
const once = (database: Database, text: string): ReadonlyArray<Record<string, unknown>> => {
  const statement = database.prepare<[], Record<string, unknown>>(text)
  if (statement.reader) {
    return statement.all()
  }
  statement.run()
  return []
}
