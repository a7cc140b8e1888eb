// What SQL sessions do while their database server is away, busy or unwilling: an error in time, and no harm done afterwards.

import { SessionLayer, type SessionProvider } from "effect-session"
import * as Sql from "effect-session/sql"
import * as Context from "#effect/Context"
import * as Deferred from "#effect/Deferred"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Schedule from "#effect/Schedule"
import * as SqlClient from "#effect/sql/SqlClient"
import * as Logs from "#test/logs"
import * as NodeHttpServer from "#test/NodeHttpServer"
import { expect, it } from "#test/vitest"
import { codeOf } from "../../src/internal/codeOf.js"
import { bounded } from "../../src/Manager/Calls.js"
import { addressOf } from "../../src/Provider/sql/address.js"
import { connector } from "../../src/Provider/sql/mysqlLine.js"
import { lockOf } from "../../src/Provider/sql/statements.js"
import { given, text, written } from "../../src/testing/support.js"
import * as MariaDb from "../servers/MariaDb.js"
import { suiteBeside } from "../servers/need.js"
import * as Postgres from "../servers/Postgres.js"
import type { Control } from "../servers/Process.js"
import * as Proxy from "../servers/Proxy.js"
import { demoServer } from "../support/demo.js"
import { type Answer, client } from "../support/http.js"
import { machineTimed } from "../support/machineTime.js"
import { shared } from "./shared.js"
import { type Database, execute, freshTable, mysql, postgres } from "./sqlDatabases.js"
import { providerOf } from "./sqlSuite.js"

const day = Duration.days(1)
const timeout = Duration.seconds(1.5)
/** What a busy machine may add to a timeout. */
const slack = 1500

interface Subject {
  readonly server: Control
  readonly database: Database
  readonly admin: Database
}

/** Each 503 is logged: here they are expected. */
const quiet = Logs.nothing

type Visit = Effect.Effect<Answer>

const times = <A>(n: number, value: A): ReadonlyArray<A> => Array.from({ length: n }, () => value)

/** The demo on this database, and a visitor of it. */
const visitor = (database: Database) =>
  Effect.gen(function* () {
    const sessions = SessionLayer.make(database.layer({ table: freshTable() }), { timeout, cookie: { secure: false } })
    const server = yield* Effect.flatMap(
      Layer.build(Layer.provideMerge(demoServer, Layer.mergeAll(NodeHttpServer.layerTest, sessions, quiet))),
      client
    )
    const { cookie } = yield* server.send("/visits", { method: "POST" })
    return server.as(cookie)("/visits", { method: "POST" })
  })

/** Visits without a break, by 8 at once, while something happens. */
const visitsDuring = (visit: Visit, happening: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const seen: Array<{ readonly status: number; readonly millis: number }> = []
    const visits = Effect.forever(
      Effect.map(machineTimed(visit), ([millis, { status }]) => {
        seen.push({ status, millis })
      })
    )
    const running = yield* Effect.forkChild(Effect.all(times(8, visits), { concurrency: 8 }))
    yield* Effect.sleep(300)
    yield* happening
    yield* Effect.sleep(300)
    yield* Fiber.interrupt(running)
    return seen
  })

/** Everyone got an answer in time, and without a restart all is well again; what was answered with 200 has been counted. */
const survives = (database: Database, happening: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const visit = yield* visitor(database)
    const seen = yield* visitsDuring(visit, happening)
    expect(seen.filter(({ status }) => status !== 200 && status !== 503)).toEqual([])
    expect(Math.max(...seen.map(({ millis }) => millis))).toBeLessThan(Duration.toMillis(timeout) + slack)
    const after = yield* Effect.repeat(visit, {
      schedule: Schedule.spaced("100 millis"),
      times: 150,
      until: ({ status }) => status === 200
    }).pipe(Effect.andThen(visit))
    expect(after.status).toBe(200)
    const counted = seen.filter(({ status }) => status === 200).length
    expect(JSON.parse(after.body).visits).toBeGreaterThan(counted)
    return seen
  })

const cases = (subject: Effect.Effect<Subject>) => {
  const live = <E>(name: string, test: (subject: Subject) => Effect.Effect<void, E>) =>
    it.live(name, () => Effect.flatMap(subject, test), 60_000)

  /** A provider as the manager calls it. */
  const boundedProvider = (layer: Layer.Layer<SessionProvider.SessionProvider, unknown>) =>
    Effect.map(providerOf(layer), (provider) => ({
      provider,
      within: bounded({ name: provider.name, ...provider.capabilities }, timeout)
    }))

  /** Holds a transaction open until it is told to end, and undoes it. */
  const transaction = (sql: SqlClient.SqlClient, inside: Effect.Effect<unknown, unknown>) =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const end = yield* Deferred.make<void>()
      const running = yield* inside.pipe(
        Effect.andThen(Deferred.succeed(started, undefined)),
        Effect.andThen(Deferred.await(end)),
        Effect.andThen(Effect.fail("undo")),
        sql.withTransaction,
        Effect.ignore,
        Effect.forkChild
      )
      yield* Deferred.await(started)
      return { end: Effect.andThen(Deferred.succeed(end, undefined), Fiber.join(running)) }
    })

  const outages: ReadonlyArray<readonly [string, (server: Control) => Effect.Effect<void>]> = [
    ["stops and starts again", ({ start, stop }) => Effect.andThen(stop, Effect.delay(start, "2 seconds"))],
    ["is killed and starts again", ({ kill, start }) => Effect.andThen(kill, Effect.delay(start, "1 seconds"))],
    ["hangs, and goes on", ({ pause, resume }) => Effect.andThen(pause, Effect.delay(resume, "4 seconds"))]
  ]
  for (const [name, outage] of outages) {
    live(`the server ${name}: 503 in time meanwhile, 200 afterwards`, ({ database, server }) =>
      Effect.gen(function* () {
        const seen = yield* survives(database, outage(server))
        expect(seen.some(({ status }) => status === 503)).toBe(true)
      }).pipe(Effect.ensuring(server.resume), Effect.ensuring(server.start), Effect.scoped)
    )
  }

  live("connections that are killed cost no more than the requests that used them", ({ admin, database }) =>
    Effect.gen(function* () {
      const killAll =
        admin.dialect === "postgres"
          ? Effect.asVoid(
              execute(
                admin,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'session' AND pid <> pg_backend_pid()"
              )
            )
          : Effect.asVoid(execute(admin, "KILL USER session"))
      yield* survives(database, Effect.andThen(killAll, Effect.delay(killAll, "300 millis")))
    }).pipe(Effect.scoped)
  )

  live("a pool that the app has exhausted: an error in time, and no connection is lost", ({ database }) =>
    Effect.gen(function* () {
      const app = yield* Layer.build(database.client(2))
      const sql = Context.get(app, SqlClient.SqlClient)
      const { provider, within } = yield* boundedProvider(
        Layer.provide(Sql.layer({ table: freshTable() }), Layer.succeedContext(app))
      )
      const { id } = yield* given(provider, "kept")
      const [one, two] = [yield* transaction(sql, sql`SELECT 1`), yield* transaction(sql, sql`SELECT 1`)]
      const [took, errors] = yield* machineTimed(
        Effect.all(times(8, Effect.flip(within(provider.read(id)))), { concurrency: 8 })
      )
      expect(new Set(errors.map(({ reason }) => reason))).toEqual(new Set(["Unavailable"]))
      expect(took).toBeLessThan(Duration.toMillis(timeout) + slack)
      yield* one.end
      yield* two.end
      // Both connections are there again, for sessions and for the app.
      const reads = yield* Effect.all(times(20, within(provider.read(id))), { concurrency: 20 })
      expect(reads.map(text)).toEqual(Array(20).fill("kept"))
      const again = [yield* transaction(sql, sql`SELECT 1`), yield* transaction(sql, sql`SELECT 1`)]
      yield* Effect.all(again.map(({ end }) => end))
    }).pipe(Effect.scoped)
  )

  live("a row that another transaction has locked: an error in time for its session alone", ({ database }) =>
    Effect.gen(function* () {
      const table = freshTable()
      const { provider, within } = yield* boundedProvider(database.layer({ table }))
      const sql = Context.get(yield* Layer.build(database.client(1)), SqlClient.SqlClient)
      const [locked, free] = [yield* given(provider, "locked"), yield* given(provider, "free")]
      const key = Buffer.from(locked.id, "base64url")
      const { end } = yield* transaction(
        sql,
        sql.unsafe(`UPDATE ${table} SET version = 0 WHERE id = ${database.dialect === "mysql" ? "?" : "$1"}`, [key])
      )
      const error = yield* Effect.flip(within(provider.write(locked.id, Buffer.from("x"), day, locked.revision)))
      expect(error.reason).toBe("Unavailable")
      expect(text(yield* within(provider.read(locked.id)))).toBe("locked")
      written(yield* within(provider.write(free.id, Buffer.from("written"), day, free.revision)))
      yield* end
      // The write that was given up may still have come through, just before this one.
      const again = Effect.flatMap(provider.read(locked.id), (stored) =>
        within(provider.write(locked.id, Buffer.from("free again"), day, Option.getOrThrow(stored).revision))
      )
      written(yield* Effect.repeat(again, { until: (result) => result._tag !== "Conflict", times: 3 }))
    }).pipe(Effect.scoped)
  )

  live("a session that is saved inside the app's transaction outlives its rollback", ({ database }) =>
    Effect.gen(function* () {
      const app = yield* Layer.build(database.client(4))
      const sql = Context.get(app, SqlClient.SqlClient)
      for (const layer of [
        Layer.provide(Sql.layer({ table: freshTable() }), Layer.succeedContext(app)),
        database.layer({ table: freshTable() })
      ]) {
        const provider = yield* providerOf(layer)
        const kept = yield* given(provider, "before")
        const made: Array<SessionProvider.StoredId> = []
        const rolledBack = sql.withTransaction(
          Effect.gen(function* () {
            made.push((yield* given(provider, "made inside")).id)
            written(yield* provider.write(kept.id, Buffer.from("after"), day, kept.revision))
            yield* provider.gc!
            return yield* Effect.fail("rollback")
          })
        )
        expect(yield* Effect.flip(rolledBack)).toBe("rollback")
        expect(text(yield* provider.read(kept.id))).toBe("after")
        expect(text(yield* provider.read(made[0]!))).toBe("made inside")
      }
    }).pipe(Effect.scoped)
  )

  live("while another process collects garbage, there is none to collect", ({ database }) =>
    Effect.gen(function* () {
      const table = freshTable()
      const provider = yield* providerOf(database.layer({ table }))
      yield* given(provider, "expires", "1 millis")
      yield* Effect.sleep(5)
      const sql = Context.get(yield* Layer.build(database.client(1)), SqlClient.SqlClient)
      const lock = lockOf(database.dialect, "gc", { table })
      const [take, release] =
        database.dialect === "mysql"
          ? [`SELECT GET_LOCK(${lock}, 0)`, `SELECT RELEASE_LOCK(${lock})`]
          : [`SELECT pg_advisory_lock(${lock})`, `SELECT pg_advisory_unlock(${lock})`]
      yield* sql.unsafe(take)
      expect(yield* provider.gc!).toBe(0)
      yield* sql.unsafe(release)
      expect(yield* provider.gc!).toBe(1)
    }).pipe(Effect.scoped)
  )

  live("a server that is away when the layer is built: a clear error", ({ database, server }) =>
    Effect.gen(function* () {
      yield* server.stop
      const [took, error] = yield* machineTimed(Effect.flip(providerOf(database.layer())))
      expect(error.reason).toBe("Unavailable")
      expect(error.message).toContain("connect failed (ECONNREFUSED)")
      expect(took).toBeLessThan(6000)
    }).pipe(Effect.ensuring(server.start), Effect.scoped)
  )
}

const refusesBadUrls = (make: (url: string) => Database, server: Effect.Effect<{ readonly url: string }>) =>
  it.live("tells of a wrong URL or password, and does not repeat it", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const wrong = yield* Effect.flip(providerOf(make(url.replace("secret", "hunter2")).layer()))
      expect(wrong.reason).toBe("Unavailable")
      const malformed = yield* Effect.flip(providerOf(make("localhost:hunter2").layer()))
      expect(malformed.reason).toBe("InvalidConfig")
      expect(wrong.message + malformed.message).not.toContain("hunter2")
    }).pipe(Effect.scoped)
  )

/** Reads go on; writes fail, with the database's own word for it. */
const readOnly = (database: Database, table: string, id: SessionProvider.StoredId, code: string) =>
  Effect.gen(function* () {
    const provider = yield* providerOf(database.layer({ table }))
    const stored = Option.getOrThrow(yield* provider.read(id))
    const error = yield* Effect.flip(provider.write(id, Buffer.from("x"), day, stored.revision))
    expect(error.reason).toBe("Unavailable")
    expect(error.message).toContain(code)
    expect(text(yield* provider.read(id))).toBe("kept")
  })

suiteBeside("postgres in trouble", ["postgres"], () => {
  const server = shared(Postgres.make())
  cases(Effect.map(server, (server) => ({ server, database: postgres(server.url), admin: postgres(server.adminUrl) })))
  refusesBadUrls(postgres, server)

  const withSetting = (url: string, setting: string) =>
    postgres(`${url}?options=${encodeURIComponent(`-c ${setting}`)}`)

  it.live("read-only: reads go on, writes fail", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const table = freshTable()
      const { id } = yield* Effect.flatMap(providerOf(postgres(url).layer({ table })), (provider) =>
        given(provider, "kept")
      )
      yield* readOnly(withSetting(url, "default_transaction_read_only=on"), table, id, "25006")
    }).pipe(Effect.scoped)
  )

  it.live("serialization failures are tried again", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const provider = yield* providerOf(
        withSetting(url, "default_transaction_isolation=serializable").layer({ table: freshTable() })
      )
      const { id, revision } = yield* given(provider, "0")
      for (let round = 0; round < 5; round++) {
        const results = yield* Effect.all(
          Array.from({ length: 10 }, (_, i) =>
            i === 0 ? provider.write(id, Buffer.from("1"), day, revision) : provider.touch(id, day)
          ),
          { concurrency: 10 }
        )
        expect(results.slice(1).map(({ _tag }) => _tag)).toEqual(Array(9).fill("Touched"))
      }
    }).pipe(Effect.scoped)
  )
})

suiteBeside("mysql in trouble", ["mariadbd"], () => {
  const server = shared(MariaDb.make())
  cases(Effect.map(server, (server) => ({ server, database: mysql(server.url), admin: mysql(server.adminUrl) })))
  refusesBadUrls(mysql, server)

  it.live("read-only: reads go on, writes fail", () =>
    Effect.gen(function* () {
      const { adminUrl, url } = yield* server
      const table = freshTable()
      const { id } = yield* Effect.flatMap(providerOf(mysql(url).layer({ table })), (provider) =>
        given(provider, "kept")
      )
      yield* execute(mysql(adminUrl), "SET GLOBAL read_only = 1")
      yield* readOnly(mysql(url), table, id, "ER_OPTION_PREVENTS_STATEMENT").pipe(
        Effect.ensuring(execute(mysql(adminUrl), "SET GLOBAL read_only = 0"))
      )
    }).pipe(Effect.scoped)
  )

  it.live("a connection that is lost while it prepares a statement is told of once", () =>
    Effect.gen(function* () {
      const { port, url } = yield* server
      const proxy = yield* Proxy.make(port)
      const connect = yield* connector(yield* addressOf(url.replace(`:${port}`, `:${proxy.port}`), ["mysql:"]), {})
      const line = yield* Effect.promise(() => connect(() => {}).line)
      proxy.swallowReply(/SELECT 1/)
      const told: Array<string | undefined> = []
      line.send("SELECT 1", [], (cause) => told.push(codeOf(cause)))
      yield* Effect.sleep("100 millis")
      expect(told).toEqual(["PROTOCOL_CONNECTION_LOST"])
    }).pipe(Effect.scoped)
  )

  it.live("takes payloads as large as the server takes statements, and says what its limit is", () =>
    Effect.gen(function* () {
      const { adminUrl, url } = yield* server
      yield* execute(mysql(adminUrl), "SET GLOBAL max_allowed_packet = 1048576")
      const provider = yield* providerOf(mysql(url).layer({ table: freshTable() }))
      const limit = provider.capabilities.maxPayload
      expect(limit).toBe(1048576 - 1024)
      const { id, revision } = yield* given(provider, "small")
      expect((yield* Effect.flip(provider.write(id, Buffer.alloc(limit + 1), day, revision))).reason).toBe("TooLarge")
      written(yield* provider.write(id, Buffer.alloc(limit, "x"), day, revision))
      expect(Option.getOrThrow(yield* provider.read(id)).payload.length).toBe(limit)
    }).pipe(
      Effect.ensuring(
        Effect.flatMap(server, ({ adminUrl }) => execute(mysql(adminUrl), "SET GLOBAL max_allowed_packet = 16777216"))
      ),
      Effect.scoped
    )
  )

  it.live("a deadlock is resolved by trying again", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const table = freshTable()
      const provider = yield* providerOf(mysql(url).layer({ table }))
      yield* Effect.all(
        Array.from({ length: 20 }, (_, i) => provider.create(idOf(i), Buffer.from("x"), Duration.millis(1 + i))),
        { concurrency: 1 }
      )
      yield* Effect.sleep(50)
      const sql = Context.get(yield* Layer.build(mysql(url).client(1)), SqlClient.SqlClient)
      // The app changes the last row, then the first; gc goes the other way. The larger transaction survives.
      yield* sql`CREATE TABLE ${sql(`${table}_other`)} (n INT)`
      const running = yield* Effect.gen(function* () {
        yield* sql.unsafe(`INSERT INTO ${table}_other SELECT seq FROM seq_1_to_1000`)
        yield* sql.unsafe(`UPDATE ${table} SET version = 1 WHERE id = ?`, [Buffer.from(idOf(19), "base64url")])
        yield* Effect.sleep(500)
        yield* sql.unsafe(`UPDATE ${table} SET version = 1 WHERE id = ?`, [Buffer.from(idOf(0), "base64url")])
      }).pipe(sql.withTransaction, Effect.forkChild)
      yield* Effect.sleep(200)
      expect(yield* provider.gc!).toBe(20)
      yield* Fiber.join(running)
      const status = yield* sql<{ readonly value: string }>`SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'`
      expect(Number(Object.values(status[0]!)[1])).toBeGreaterThan(0)
    }).pipe(Effect.scoped)
  )
})

const idOf = (i: number) => Buffer.alloc(32, i + 1).toString("base64url") as SessionProvider.StoredId
