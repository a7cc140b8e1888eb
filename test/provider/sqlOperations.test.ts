// What SQL sessions do about clocks, locks, poolers and balancers: what one of them does is not to become everybody's trouble.
import type { SessionProvider } from "effect-session"
import * as Mysql from "effect-session/mysql"
import * as Postgres from "effect-session/postgres"
import * as Sql from "effect-session/sql"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Schedule from "#effect/Schedule"
import { at } from "#test/clock"
import { expect, it } from "#test/vitest"
import { bounded } from "../../src/Manager/Calls.js"
import { given, newId, text, written } from "../../src/testing/support.js"
import * as MariaDb from "../servers/MariaDb.js"
import { suiteBeside } from "../servers/need.js"
import * as PostgresServer from "../servers/Postgres.js"
import * as Proxy from "../servers/Proxy.js"
import { machineTimed } from "../support/machineTime.js"
import { shared } from "./shared.js"
import { type Database, execute, freshTable, mysql, postgres } from "./sqlDatabases.js"
import { providerOf } from "./sqlSuite.js"

const day = Duration.days(1)

interface Subject {
  readonly server: { readonly url: string; readonly adminUrl: string; readonly port: number }
  readonly of: (url: string) => Database
  /** On so many connections. */
  readonly small: (
    url: string,
    table: string,
    maxConnections: number
  ) => Layer.Layer<SessionProvider.SessionProvider, unknown>
}

/** Locks a table for 9 seconds, as an operator or a backup does. */
const locked = (database: Database, table: string) =>
  Effect.gen(function* () {
    const statements =
      database.dialect === "mysql"
        ? [`LOCK TABLES ${table} READ`, "SELECT SLEEP(9)"]
        : [`DO $$ BEGIN LOCK TABLE ${table} IN SHARE MODE; PERFORM pg_sleep(9); END $$`]
    const running = yield* Effect.forkChild(execute(database, ...statements))
    yield* Effect.sleep(500)
    return { isOver: Effect.map(Effect.timeoutOption(Fiber.join(running), 0), Option.isSome), end: Fiber.join(running) }
  })

const cases = (subject: Effect.Effect<Subject>) => {
  const live = <E>(
    name: string,
    test: (subject: Subject & { readonly database: Database; readonly admin: Database }) => Effect.Effect<void, E>
  ) =>
    it.live(
      name,
      () =>
        Effect.flatMap(subject, (subject) =>
          test({ ...subject, database: subject.of(subject.server.url), admin: subject.of(subject.server.adminUrl) })
        ),
      60_000
    )

  live(
    "an app whose clock is wrong ends no session and keeps none, and sees each as long as it lives",
    ({ database }) =>
      Effect.gen(function* () {
        const table = freshTable()
        const provider = yield* providerOf(database.layer({ table }))
        const kept = yield* given(provider, "kept", "30 minutes")
        const ended = yield* given(provider, "ended", "1 millis")
        yield* Effect.sleep(20)
        for (const hours of [24, 2, -2, -24]) {
          const now = () => Date.now() + hours * 3_600_000
          yield* Effect.gen(function* () {
            expect(text(yield* provider.read(ended.id))).toBeUndefined()
            const { expiresAt } = Option.getOrThrow(yield* provider.read(kept.id))
            expect(Math.abs(expiresAt - now() - 30 * 60_000)).toBeLessThan(20_000)
            const made = yield* given(provider, "made", "1 minute")
            expect(Math.abs(made.expiresAt - now() - 60_000)).toBeLessThan(20_000)
            expect(yield* provider.exists(made.id)).toBe(true)
            expect((yield* provider.touch(made.id, Duration.minutes(2)))._tag).toBe("Touched")
            written(yield* provider.write(made.id, Buffer.from("x"), Duration.minutes(2), made.revision))
            yield* provider.destroy(made.id, { content: Buffer.from("left"), ttl: day })
            expect(Option.isSome(yield* provider.marked!(made.id))).toBe(true)
            // The one that ended before anybody's clock was wrong.
            expect(yield* provider.gc!).toBe(hours === 24 ? 1 : 0)
          }).pipe(at(now))
          expect(text(yield* provider.read(kept.id))).toBe("kept")
        }
        const [row] = yield* execute(database, `SELECT MAX(created_at) - MIN(created_at) AS apart FROM ${table}`)
        expect(Number(row!["apart"])).toBeLessThan(30_000)
      }).pipe(Effect.scoped)
  )

  live(
    "writes that hang leave connections to reads, and do not stay at the server",
    ({ admin, database, server, small }) =>
      Effect.gen(function* () {
        const table = freshTable()
        const provider = yield* providerOf(small(server.url, table, 4))
        const within = bounded(
          { name: "sql", inProcess: false, answersWithin: Number.POSITIVE_INFINITY },
          Duration.seconds(2)
        )
        const sessions = yield* Effect.all(Array.from({ length: 12 }, () => given(provider, "kept")))
        const lock = yield* locked(admin, table)
        const writes = yield* Effect.forkChild(
          Effect.all(
            sessions.map(({ id, revision }) =>
              Effect.flip(within(provider.write(id, Buffer.from("x"), day, revision)))
            ),
            { concurrency: "unbounded" }
          )
        )
        yield* Effect.sleep(200)
        const [took, read] = yield* machineTimed(
          Effect.all(
            sessions.map(({ id }) => Effect.map(within(provider.read(id)), text)),
            { concurrency: 4 }
          )
        )
        expect(read).toEqual(Array(12).fill("kept"))
        expect(took).toBeLessThan(1_500)
        const errors = yield* Fiber.join(writes)
        expect(new Set(errors.map(({ reason }) => reason))).toEqual(new Set(["Unavailable"]))
        const waiting =
          database.dialect === "mysql"
            ? `SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE USER = 'session' AND INFO LIKE '%${table}%'`
            : `SELECT COUNT(*) AS n FROM pg_stat_activity WHERE usename = 'session' AND wait_event_type = 'Lock'`
        yield* Effect.repeat(execute(admin, waiting), {
          schedule: Schedule.spaced("200 millis"),
          until: (rows) => Number(rows[0]!["n"]) === 0
        })
        expect(yield* lock.isOver).toBe(false)
        yield* lock.end
      }).pipe(Effect.scoped)
  )

  live("a connection that a balancer forgot costs no request, nor does one that was cut", ({ of, server }) =>
    Effect.gen(function* () {
      const proxy = yield* Proxy.make(server.port)
      const database = of(server.url.replace(`:${server.port}/`, `:${proxy.port}/`))
      const provider = yield* providerOf(database.layer({ table: freshTable() }))
      const many = yield* Effect.all(
        Array.from({ length: 8 }, () => given(provider, "kept")),
        { concurrency: 8 }
      )
      const readAll = Effect.all(
        many.map(({ id }) => Effect.map(provider.read(id), text)),
        { concurrency: 8 }
      )
      proxy.forget()
      yield* Effect.sleep(1_100)
      const [took, read] = yield* machineTimed(readAll)
      expect(read).toEqual(Array(8).fill("kept"))
      expect(took).toBeLessThan(2_500)
      proxy.close()
      expect(yield* readAll).toEqual(Array(8).fill("kept"))
      proxy.close()
      const { id, revision } = many[0]!
      written(yield* provider.write(id, Buffer.from("written"), day, revision))
      expect(text(yield* provider.read(id))).toBe("written")
    }).pipe(Effect.scoped)
  )

  live("a connection that stopped answering is replaced, and does not keep its place", ({ server, small }) =>
    Effect.gen(function* () {
      const proxy = yield* Proxy.make(server.port)
      const url = server.url.replace(`:${server.port}/`, `:${proxy.port}/`)
      const provider = yield* providerOf(small(url, freshTable(), 2))
      const within = bounded(
        { name: "sql", inProcess: false, answersWithin: Number.POSITIVE_INFINITY },
        Duration.millis(500)
      )
      const { id, revision } = yield* given(provider, "kept")
      proxy.forget()
      expect((yield* Effect.flip(within(provider.write(id, Buffer.from("x"), day, revision)))).reason).toBe(
        "Unavailable"
      )
      expect(text(yield* provider.read(id))).toBe("kept")
      // The only place for a write is free again once the connection is given up for lost.
      written(yield* provider.write(id, Buffer.from("written"), day, revision))
    }).pipe(Effect.scoped)
  )

  live("on the app's client a connection that was cut costs no request either", ({ of, server }) =>
    Effect.gen(function* () {
      const proxy = yield* Proxy.make(server.port)
      const client = of(server.url.replace(`:${server.port}/`, `:${proxy.port}/`)).client(1)
      const provider = yield* providerOf(Layer.provide(Sql.layer({ table: freshTable() }), client))
      const { id, revision } = yield* given(provider, "kept")
      proxy.close()
      expect(text(yield* provider.read(id))).toBe("kept")
      proxy.swallowReply(/./s)
      written(yield* provider.write(id, Buffer.from("written"), day, revision))
    }).pipe(Effect.scoped)
  )

  live("a change whose answer is lost is made once, and known to be made", ({ of, server }) =>
    Effect.gen(function* () {
      const proxy = yield* Proxy.make(server.port)
      const database = of(server.url.replace(`:${server.port}/`, `:${proxy.port}/`))
      const provider = yield* providerOf(database.layer({ table: freshTable() }))
      const id = newId()
      // So that each statement is prepared: what is lost is then the answer to its execution.
      const other = yield* given(provider, "other")
      written(yield* provider.write(other.id, Buffer.from("x"), day, other.revision))
      proxy.swallowReply(/./s)
      const created = written(yield* provider.create(id, Buffer.from("1"), day))
      proxy.swallowReply(/./s)
      const next = written(yield* provider.write(id, Buffer.from("2"), day, created.revision))
      expect(Option.getOrThrow(yield* provider.read(id)).revision).toBe(next.revision)
      proxy.swallowReply(/./s)
      expect((yield* provider.touch(id, day))._tag).toBe("Touched")
      for (const mark of [undefined, { content: Buffer.from("left"), ttl: day }]) {
        const { id, revision } = yield* given(provider, "moves")
        const newOne = newId()
        proxy.swallowReply(/./s)
        const moved = written(
          yield* provider.regenerate({
            oldId: id,
            newId: newOne,
            payload: Buffer.from("3"),
            ttl: day,
            revision,
            ...(mark && { mark })
          })
        )
        expect(Option.getOrThrow(yield* provider.read(newOne)).revision).toBe(moved.revision)
        expect(Option.isNone(yield* provider.read(id))).toBe(true)
      }
      proxy.swallowReply(/./s)
      yield* provider.destroy(id, { content: Buffer.from("left"), ttl: day })
      expect(Option.isSome(yield* provider.marked!(id))).toBe(true)
    }).pipe(Effect.scoped)
  )

  live("a table that was dropped is made again, although its migration is recorded", ({ database }) =>
    Effect.gen(function* () {
      const table = freshTable()
      yield* Effect.scoped(providerOf(database.layer({ table })))
      yield* execute(database, `DROP TABLE ${table}`)
      yield* given(yield* providerOf(database.layer({ table })), "kept")
    }).pipe(Effect.scoped)
  )

  live("two readers of one session at once do not share its memory", ({ database }) =>
    Effect.gen(function* () {
      const provider = yield* providerOf(database.layer({ table: freshTable() }))
      const { id } = yield* given(provider, "kept")
      const read = yield* Effect.all(
        Array.from({ length: 40 }, () => Effect.map(provider.read(id), Option.getOrThrow)),
        { concurrency: "unbounded" }
      )
      for (const { payload } of read) {
        expect(Buffer.from(payload).toString()).toBe("kept")
        payload.fill(0)
      }
    }).pipe(Effect.scoped)
  )
}

suiteBeside("postgres and its operators", ["postgres"], () => {
  const server = shared(PostgresServer.make({ args: ["-c", "max_connections=60"] }))
  cases(
    Effect.map(server, (server) => ({
      server,
      of: postgres,
      small: (url, table, maxConnections) => Postgres.layer({ url, table, maxConnections })
    }))
  )

  it.live("a role with fewer connections than the pool wants waits for them", () =>
    Effect.gen(function* () {
      const { adminUrl, url } = yield* server
      yield* execute(
        postgres(adminUrl),
        "CREATE ROLE few LOGIN PASSWORD 'secret' CONNECTION LIMIT 2",
        "GRANT session TO few"
      )
      const provider = yield* providerOf(
        Postgres.layer({ url: url.replace("session:secret", "few:secret"), table: "few", schema: "public" })
      )
      const ids = yield* Effect.all(
        Array.from({ length: 40 }, () => given(provider, "kept")),
        { concurrency: 40 }
      )
      const read = yield* Effect.all(
        ids.map(({ id }) => Effect.map(provider.read(id), text)),
        { concurrency: 40 }
      )
      expect(read).toEqual(Array(40).fill("kept"))
    }).pipe(Effect.scoped)
  )

  it.live("a server that turned into a standby is left for the one where the name leads", () =>
    Effect.gen(function* () {
      const { adminUrl, url } = yield* server
      const table = freshTable()
      const { id, revision } = yield* Effect.flatMap(providerOf(Postgres.layer({ url, table })), (provider) =>
        given(provider, "kept")
      )
      const admin = postgres(adminUrl)
      // Whoever connects now gets one that takes no writes, and afterwards one that does.
      yield* execute(admin, "ALTER ROLE session SET default_transaction_read_only = on")
      const provider = yield* Effect.ensuring(
        providerOf(Postgres.layer({ url, table })),
        execute(admin, "ALTER ROLE session RESET default_transaction_read_only")
      )
      written(yield* provider.write(id, Buffer.from("x"), day, revision))
    }).pipe(Effect.scoped)
  )
})

suiteBeside("mysql and its operators", ["mariadbd"], () => {
  const server = shared(MariaDb.make())
  cases(
    Effect.map(server, (server) => ({
      server,
      of: mysql,
      small: (url, table, maxConnections) => Mysql.layer({ url, table, maxConnections })
    }))
  )

  it.live("statements are not prepared if that is turned off, or if the server prepares no more", () =>
    Effect.gen(function* () {
      const { adminUrl, url } = yield* server
      const admin = mysql(adminUrl)
      const before = yield* providerOf(Mysql.layer({ url }))
      yield* execute(admin, "SET GLOBAL max_prepared_stmt_count = 0")
      yield* Effect.gen(function* () {
        const off = yield* providerOf(Mysql.layer({ url, prepared: false }))
        const byItself = yield* providerOf(Mysql.layer({ url }))
        for (const provider of [before, off, byItself]) {
          const { id, revision } = yield* given(provider, "1")
          const moved = newId()
          written(
            yield* provider.regenerate({
              oldId: id,
              newId: moved,
              payload: Buffer.from([0, 39, 92, 255]),
              ttl: day,
              revision,
              mark: { content: Buffer.from("'"), ttl: day }
            })
          )
          expect([...Option.getOrThrow(yield* provider.read(moved)).payload]).toEqual([0, 39, 92, 255])
        }
      }).pipe(Effect.ensuring(execute(admin, "SET GLOBAL max_prepared_stmt_count = 16382")))
    }).pipe(Effect.scoped)
  )
})
