/**
 * The plans of the statements on another library's table of sessions.
 */
import * as Effect from "#effect/Effect"
import * as SqlClient from "#effect/sql/SqlClient"
import { expect } from "#test/vitest"
import type { Dialect, Statements } from "../../src/Provider/foreign/sqlStatements.js"
import { type Database, execute } from "./sqlDatabases.js"

/** A table with many sessions, one of which has the id. */
interface Filled {
  readonly database: Database
  readonly dialect: Dialect
  readonly table: string
  readonly id: string
  readonly payload: Buffer | string
}

/** Every statement on one session finds it by the index. */
export const useIndex = (statements: Statements, { database, dialect, id, payload, table }: Filled) =>
  Effect.gen(function* () {
    yield* execute(database, { mysql: `ANALYZE TABLE ${table}`, postgres: `VACUUM ANALYZE ${table}` }[dialect])
    const key = dialect === "mysql" ? [id, id] : [id]
    const params: Partial<Record<keyof Statements, ReadonlyArray<unknown>>> = {
      get: key,
      removeExpired: key,
      replace: [payload, 5, ...key, "hash"],
      touch: [5, ...key],
      removeAt: [...key, "hash"],
      remove: key,
      gcPageEnd: ["a"],
      gcPage: ["a", "a1"]
    }
    const sql = yield* SqlClient.SqlClient
    for (const [name, values] of Object.entries(params)) {
      const plan = JSON.stringify(yield* sql.unsafe(`EXPLAIN ${statements[name as keyof Statements]}`, values))
      expect(plan, name).toMatch(dialect === "mysql" ? /"key":"PRIMARY"/ : /Index/)
      expect(plan, name).not.toMatch(/Seq Scan|"type":"(ALL|index)"/)
    }
  }).pipe(Effect.provide(database.client(1)), Effect.orDie)
