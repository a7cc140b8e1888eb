// What is assumed of @effect/sql's clients without being promised by them, on each database.
import { outside } from "#dialect/sql"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as SqlClient from "#effect/sql/SqlClient"
import { expect, it } from "#test/vitest"
import * as Connection from "../../src/Provider/sql/connection.js"
import { preparedName } from "../../src/Provider/sql/statements.js"
import type { Database } from "./sqlDatabases.js"

/** The client as the provider uses it. */
const clientOf = (database: Database) =>
  Effect.map(Layer.build(database.client(2)), (context) =>
    Context.get(context, SqlClient.SqlClient).withoutTransforms()
  )

/** Of an app's client, which has a pool on some databases and one connection on others. */
export const assumptions = (database: Effect.Effect<Database>, { pooled }: { readonly pooled: boolean }) => {
  it.live(`a client is known to have ${pooled ? "a pool, so that reads are batched" : "one connection"}`, () =>
    Effect.gen(function* () {
      expect(Connection.isPooled(yield* clientOf(yield* database))).toBe(pooled)
    })
  )

  it.live("a client runs its statements on one and the same object, which is not of the fiber's transaction", () =>
    Effect.gen(function* () {
      const sql = yield* clientOf(yield* database)
      const shared = yield* Connection.sharedConnection(sql)
      expect(yield* outside(sql)(Connection.sharedConnection(sql))).toBe(shared)
      expect(Connection.toResult(yield* shared.executeRaw("SELECT 7 AS seven", [])).rows).toEqual([{ seven: 7 }])
      if (pooled) {
        const [joined, apart] = yield* sql.withTransaction(
          Effect.all([Connection.sharedConnection(sql), outside(sql)(Connection.sharedConnection(sql))])
        )
        expect(joined).not.toBe(shared)
        expect(apart).toBe(shared)
      }
    })
  )
}

/** Of @effect/sql-pg alone. */
export const preparedStatements = (database: Effect.Effect<Database>) =>
  it.live("PostgreSQL prepares a statement under its name, unless that is turned off", () =>
    Effect.gen(function* () {
      const sql = yield* clientOf(yield* database)
      const names = (prepared: boolean) =>
        Effect.gen(function* () {
          const { reserve, statement } = yield* Connection.make(sql, "postgres", { owned: true, prepared })
          return yield* reserve((run) =>
            Effect.gen(function* () {
              yield* run(statement(`SELECT ${prepared}`), [])
              const { rows } = yield* run("SELECT name FROM pg_prepared_statements", [])
              return rows.map(({ name }) => name)
            })
          )
        })
      expect(yield* names(false)).toEqual([])
      expect(yield* names(true)).toEqual([preparedName("SELECT true")])
    })
  )
