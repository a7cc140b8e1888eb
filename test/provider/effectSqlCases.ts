// What is assumed of @effect/sql's clients without being promised by them, on each database.
import { isPooled, outside, sharedConnection } from "#dialect/sql"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as SqlClient from "#effect/sql/SqlClient"
import { expect, it } from "#test/vitest"
import * as Connection from "../../src/Provider/sql/connection.js"
import type { Database } from "./sqlDatabases.js"

/** The client as the provider uses it. */
const clientOf = (database: Database, prepare = true) =>
  Effect.map(Layer.build(database.client(2, prepare)), (context) =>
    Context.get(context, SqlClient.SqlClient).withoutTransforms()
  )

/** Of an app's client, which has a pool on some databases and one connection on others. */
export const assumptions = (database: Effect.Effect<Database>, { pooled }: { readonly pooled: boolean }) => {
  it.live(`a client is known to have ${pooled ? "a pool, so that reads are batched" : "one connection"}`, () =>
    Effect.gen(function* () {
      expect(isPooled(yield* clientOf(yield* database))).toBe(pooled)
    })
  )

  it.live("a client runs its statements on its pool or its one connection, and not in the fiber's transaction", () =>
    Effect.gen(function* () {
      const { client, dialect } = yield* database
      const sql = Context.get(yield* Layer.build(client(3)), SqlClient.SqlClient).withoutTransforms()
      const shared = yield* outside(sql)(sharedConnection(sql))
      const rowsOf = (text: string) => Effect.map(shared.executeRaw(text, []), (raw) => Connection.toResult(raw).rows)
      expect(yield* rowsOf("SELECT 7 AS seven")).toEqual([{ seven: 7 }])
      if (dialect === "sqlite") {
        expect(yield* outside(sql)(sharedConnection(sql))).toBe(shared)
      } else {
        const [id, pause] = {
          mysql: ["CONNECTION_ID()", "SLEEP(0.2)"],
          postgres: ["pg_backend_pid()", "pg_sleep(0.2)"]
        }[dialect]
        const own = Effect.map(sql.unsafe<{ readonly id: unknown }>(`SELECT ${id} AS id`), ([row]) => row!.id)
        const apart = Effect.map(rowsOf(`SELECT ${id} AS id, ${pause} AS pause`), ([row]) => row!["id"])
        const ids = yield* sql.withTransaction(Effect.all([own, apart, apart], { concurrency: 3 }))
        expect(new Set(ids).size).toBe(3)
      }
    })
  )
}

/** Of PostgreSQL's client alone. */
export const preparedStatements = (database: Effect.Effect<Database>) =>
  it.live("PostgreSQL prepares statements, unless that is turned off", () =>
    Effect.gen(function* () {
      const preparedOf = (prepared: boolean) =>
        Effect.gen(function* () {
          const sql = yield* clientOf(yield* database, prepared)
          const { reserve, statement } = yield* Connection.make(sql, "postgres", { prepared })
          return yield* reserve((run) =>
            Effect.gen(function* () {
              yield* run(statement("SELECT 7"), [])
              return (yield* run("SELECT FROM pg_prepared_statements WHERE statement = 'SELECT 7'", [])).affected
            })
          )
        })
      expect(yield* preparedOf(false)).toBe(0)
      expect(yield* preparedOf(true)).toBe(1)
    })
  )
