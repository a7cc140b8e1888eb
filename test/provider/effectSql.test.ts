/**
 * What the library assumes of Effect's SQL clients, without loading them and without being promised it: what they have by name, and what
 * each does on its database.
 */
import { causeOf, isPooled, outside, type SqlFailure, sharedConnection } from "#dialect/sql"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as SqlClient from "#effect/sql/SqlClient"
import { failureOf, names } from "#test/sqlClients"
import { describe, expect, it } from "#test/vitest"
import * as Connection from "../../src/Provider/sql/connection.js"
import * as MariaDb from "../servers/MariaDb.js"
import { suite } from "../servers/need.js"
import * as Postgres from "../servers/Postgres.js"
import { shared } from "./shared.js"
import { type Database, mysql, postgres, sqlite } from "./sqlDatabases.js"

describe("Effect's SQL clients, by name", () => {
  it.each(names)("%s", (_, known, real) => {
    expect(known).toBe(real)
  })

  it("fail with what is taken for their error", () => {
    const error: SqlFailure = failureOf("why")
    expect(error).toBeInstanceOf(Error)
    expect(error._tag).toBe("SqlError")
    expect(causeOf(error)).toBe("why")
  })
})

/** The client as the provider uses it. */
const clientOf = (database: Database, prepare = true) =>
  Effect.map(Layer.build(database.client(2, prepare)), (context) =>
    Context.get(context, SqlClient.SqlClient).withoutTransforms()
  )

/** Of an app's client, which has a pool on some databases and one connection on others. */
const assumptions = (database: Effect.Effect<Database>, { pooled }: { readonly pooled: boolean }) => {
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
const preparedStatements = (database: Effect.Effect<Database>) =>
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

describe("the client of SQLite", () => assumptions(shared(sqlite), { pooled: false }))

suite("the client of PostgreSQL", ["postgres"], () => {
  const database = Effect.map(shared(Postgres.make()), ({ url }) => postgres(url))
  assumptions(database, { pooled: true })
  preparedStatements(database)
})

suite("the client of MySQL", ["mariadbd"], () =>
  assumptions(
    Effect.map(shared(MariaDb.make()), ({ url }) => mysql(url)),
    { pooled: true }
  )
)
