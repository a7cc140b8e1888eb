// What each of the SQL databases is held to alike.
import { type ChildProcess, spawn } from "node:child_process"
import { type SessionError, SessionLayer, SessionProvider } from "effect-session"
import * as Sql from "effect-session/sql"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Context from "#effect/Context"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Schedule from "#effect/Schedule"
import * as Stream from "#effect/Stream"
import * as SqlClient from "#effect/sql/SqlClient"
import * as TestClock from "#effect/testing/TestClock"
import * as NodeHttpServer from "#test/NodeHttpServer"
import { expect, it } from "#test/vitest"
import { maxBatch } from "../../src/Provider/sql/batchReads.js"
import { batchSize, peopleOf, readMany, statements, type Values } from "../../src/Provider/sql/statements.js"
import { given, newId, text, written } from "../../src/testing/support.js"
import { bundle } from "../support/bundle.js"
import { demoServer } from "../support/demo.js"
import { client } from "../support/http.js"
import { conformsByClock, conformsInTables } from "./conforms.js"
import { lastOf } from "./marks.js"
import { type Database, execute, fillHalfExpired, freshTable } from "./sqlDatabases.js"

const day = Duration.days(1)

/** Each case in a week of its own: what the one before left in the table has expired. */
const inItsWeek = (index: number) => TestClock.setTime(Date.now() + index * Duration.toMillis("7 days"))

const conforms = (
  databaseOf: Effect.Effect<Database>,
  isServer: boolean,
  layerOf: (database: Database, table: string) => Layer.Layer<SessionProvider.SessionProvider, unknown>,
  where = "",
  maxPayload = SessionProvider.defaultCapabilities.maxPayload
) => {
  const options = {
    capabilities: { ...SessionProvider.defaultCapabilities, maxPayload },
    optional: { count: true, list: true, gc: true, marked: true, principals: true }
  }
  const layer = (table: string) => Layer.unwrap(Effect.map(databaseOf, (database) => layerOf(database, table)))
  if (isServer) {
    conformsInTables((table) => layer(table + (where === "" ? "" : "_on_the_apps_client")), options, { where })
  } else {
    conformsByClock(
      { ...options, layer: layer(where === "" ? "effect_session" : "on_the_apps_client"), collectsAfter: day },
      { before: inItsWeek, where }
    )
  }
}

export const providerOf = <E>(layer: Layer.Layer<SessionProvider.SessionProvider, E>) =>
  Effect.map(Layer.build(layer), Context.get(SessionProvider.SessionProvider))

const count = (provider: SessionProvider.Provider) => provider.count!

/** Sessions that expired long ago, and some that live. */
const fill = (
  database: Database,
  table: string,
  provider: SessionProvider.Provider,
  { expired, live }: { readonly expired: number; readonly live: number }
) =>
  Effect.gen(function* () {
    const make = (ttl: Duration.Duration) => provider.create(newId(), Buffer.from("x"), ttl)
    yield* Effect.all(
      Array.from({ length: expired }, () => make(Duration.millis(1))),
      { concurrency: 16 }
    )
    yield* Effect.all(
      Array.from({ length: live }, () => make(day)),
      { concurrency: 16 }
    )
    yield* Effect.sleep(5)
    if (database.dialect === "sqlite") {
      yield* execute(
        database,
        `UPDATE ${table} SET expires_at = expires_at - ${Duration.toMillis(day)} WHERE expires_at < ${Date.now()}`
      )
    }
  })

/** A process of its own; see sqlChild.ts. */
const startChild = (database: Database, table: string, task: "start" | "regenerate"): Effect.Effect<ChildProcess> =>
  Effect.promise(async () => {
    const program = await bundle(new URL("sqlChild.ts", import.meta.url))
    const args = [program, database.dialect, database.url, table, task]
    return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
  })

const ended = (child: ChildProcess) =>
  Effect.callback<number | NodeJS.Signals>((resume) => {
    child.once("exit", (code, signal) => resume(Effect.succeed(signal ?? code ?? -1)))
  })

/** `isServer` says whether it keeps the time; `maxPayload` is the limit on the app's client. */
export const databaseCases = (
  databaseOf: Effect.Effect<Database>,
  { isServer = true, maxPayload }: { readonly isServer?: boolean; readonly maxPayload?: number } = {}
): void => {
  const live = <E>(name: string, test: (database: Database) => Effect.Effect<void, E, never>) =>
    // Generous: on a busy machine eight processes take their time to start.
    it.live(name, () => Effect.flatMap(databaseOf, test), 120_000)

  const own = Layer.unwrap(Effect.map(databaseOf, (database) => database.layer()))
  const shared = Layer.unwrap(
    Effect.map(databaseOf, (database) => Layer.provide(Sql.layer({ table: "on_the_apps_client" }), database.client()))
  )
  conforms(databaseOf, isServer, (database, table) => database.layer({ table }))
  conforms(
    databaseOf,
    isServer,
    (database, table) => Layer.provide(Sql.layer({ table }), database.client()),
    " (on the app's client)",
    maxPayload
  )

  live("200 visits at once are counted as 200", (database) =>
    Effect.gen(function* () {
      const config = ConfigProvider.fromEnvRecord({
        SESSION_PROVIDER: database.dialect,
        SESSION_URL: database.url,
        SESSION_TABLE: freshTable(),
        SESSION_COOKIE_SECURE: "false",
        SESSION_TIMEOUT: "1 minute"
      })
      const sessions = SessionLayer.fromConfig().pipe(Layer.provide(ConfigProvider.layer(config)))
      const server = yield* Effect.flatMap(
        Layer.build(Layer.provideMerge(demoServer, Layer.merge(NodeHttpServer.layerTest, sessions))),
        client
      )
      const { cookie } = yield* server.send("/visits", { method: "POST" })
      const answers = yield* Effect.all(
        Array.from({ length: 199 }, () => server.as(cookie)("/visits", { method: "POST" })),
        { concurrency: 199 }
      )
      expect(answers.filter(({ status }) => status !== 200)).toEqual([])
      expect(JSON.parse((yield* server.as(cookie)("/visits", { method: "POST" })).body)).toEqual({ visits: 201 })
    }).pipe(Effect.scoped)
  )

  live("keeps a payload of 16 MiB, or as large as the app's client can read", () =>
    Effect.forEach(
      [own, shared],
      (layer) =>
        Effect.gen(function* () {
          const provider = yield* providerOf(layer)
          const payload = Buffer.alloc(provider.capabilities.maxPayload, "16 MiB")
          const id = newId()
          const { revision } = written(yield* provider.create(id, payload, day))
          written(yield* provider.write(id, payload, day, revision))
          const stored = Option.getOrThrow(yield* provider.read(id))
          expect(Buffer.compare(stored.payload, payload)).toBe(0)
          yield* provider.destroy(id)
        }).pipe(Effect.scoped),
      { discard: true }
    )
  )

  live("eight processes that start at once on an empty database all come up", (database) =>
    Effect.gen(function* () {
      const table = freshTable()
      const exits = yield* Effect.all(
        Array.from({ length: 8 }, () => Effect.flatMap(startChild(database, table, "start"), ended)),
        { concurrency: 8 }
      )
      expect(exits).toEqual(Array(8).fill(0))
      expect(yield* count(yield* providerOf(database.layer({ table })))).toBe(8)
    }).pipe(Effect.scoped)
  )

  live("eight layers that are built at once on an empty database all come up", (database) =>
    Effect.gen(function* () {
      const table = freshTable()
      const providers = yield* Effect.all(
        Array.from({ length: 8 }, () => providerOf(database.layer({ table }))),
        { concurrency: 8 }
      )
      yield* given(providers[0]!, "seen by all")
      expect(yield* Effect.all(providers.map(count))).toEqual(Array(8).fill(1))
    }).pipe(Effect.scoped)
  )

  live("a process that is killed while it regenerates leaves one whole session", (database) =>
    Effect.gen(function* () {
      for (const millis of [5, 40]) {
        const table = freshTable()
        const child = yield* startChild(database, table, "regenerate")
        const first = yield* Effect.callback<SessionProvider.StoredId>((resume) => {
          child.stdout!.once("data", (data) => resume(Effect.succeed(String(data) as SessionProvider.StoredId)))
        })
        yield* Effect.sleep(millis)
        child.kill("SIGKILL")
        expect(yield* ended(child)).toBe("SIGKILL")
        const provider = yield* providerOf(database.layer({ table }))
        // Again, since the server may still have had the dead one's last statement in hand.
        yield* Effect.gen(function* () {
          const ids = Array.from(yield* Stream.runCollect(provider.list!))
          expect(ids.length).toBe(1)
          expect(text(yield* provider.read(ids[0]!))).toBe("whole")
          expect(yield* lastOf(provider, first)).toBe(ids[0])
        }).pipe(Effect.sandbox, Effect.retry({ times: 5, schedule: Schedule.spaced("200 millis") }))
      }
    }).pipe(Effect.scoped)
  )

  live("migrate: false leaves the table to those who run the SQL of ddl", (database) =>
    Effect.gen(function* () {
      const table = freshTable()
      const missing = yield* Effect.flip(providerOf(database.layer({ table, migrate: false })))
      expect(missing.reason).toBe("Unavailable")
      expect(missing.message).toContain(database.dialect)
      yield* execute(
        database,
        ...Sql.ddl(database.dialect, { table })
          .split(";\n")
          .filter((text) => text.trim() !== "")
      )
      const provider = yield* providerOf(database.layer({ table, migrate: false }))
      const { id } = yield* given(provider, "by hand")
      // And a layer that migrates sees that nothing is left to do.
      const again = yield* providerOf(database.layer({ table }))
      expect(text(yield* again.read(id))).toBe("by hand")
    }).pipe(Effect.scoped)
  )

  /** Makes what the first version of this package made, with a session in it. */
  const firstVersion = (database: Database, table: string) =>
    Effect.gen(function* () {
      const session = yield* Effect.scoped(
        Effect.flatMap(providerOf(database.layer({ table })), (provider) => given(provider, "kept"))
      )
      yield* execute(
        database,
        `DROP TABLE ${peopleOf({ table }).table}`,
        `DELETE FROM ${table}_migrations WHERE step = 2`
      )
      return session
    })

  const keepsRecords = (provider: SessionProvider.Provider) =>
    Effect.gen(function* () {
      const id = newId()
      written(yield* provider.principals!.create(id, Buffer.from("a record"), day))
      expect(text(yield* provider.principals!.read(id))).toBe("a record")
    })

  live("a database of an earlier version gets the table of people's records, and keeps its sessions", (database) =>
    Effect.gen(function* () {
      const table = freshTable()
      const { id } = yield* firstVersion(database, table)
      const exits = yield* Effect.all(
        Array.from({ length: 4 }, () => Effect.flatMap(startChild(database, table, "start"), ended)),
        { concurrency: 4 }
      )
      expect(exits).toEqual(Array(4).fill(0))
      const provider = yield* providerOf(database.layer({ table }))
      expect(text(yield* provider.read(id))).toBe("kept")
      yield* keepsRecords(provider)
    }).pipe(Effect.scoped)
  )

  live("a table of people's records that was dropped is made again", (database) =>
    Effect.gen(function* () {
      const table = freshTable()
      yield* Effect.scoped(providerOf(database.layer({ table })))
      yield* execute(database, `DROP TABLE ${peopleOf({ table }).table}`)
      for (const layer of [database.layer({ table }), Layer.provide(Sql.layer({ table }), database.client())]) {
        yield* keepsRecords(yield* providerOf(layer))
      }
    }).pipe(Effect.scoped)
  )

  live("migrate: false without the table of people's records says the SQL that makes it", (database) =>
    Effect.gen(function* () {
      const table = freshTable()
      yield* firstVersion(database, table)
      const options = { table, migrate: false }
      for (const layer of [database.layer(options), Layer.provide(Sql.layer(options), database.client())]) {
        const { message, reason } = (yield* Effect.flip(Effect.scoped(providerOf(layer)))) as SessionError
        expect(reason).toBe("Unavailable")
        const [words, sql] = message.split(" or run: ")
        expect(words).toBe(
          `${database.dialect}: the table ${peopleOf({ table }).table} is missing: restart the app with the option migrate at its default, true,`
        )
        expect(sql).toMatch(/^CREATE TABLE .*_principals.* step.*VALUES \(2\)/)
        expect(sql).not.toMatch(/VALUES \(1\)/)
        yield* execute(database, ...sql!.split(";").filter((statement) => statement.trim() !== ""))
        yield* keepsRecords(yield* providerOf(layer))
        yield* execute(database, `DROP TABLE ${peopleOf({ table }).table}`)
      }
    }).pipe(Effect.scoped)
  )

  live("gc removes the records of people that have expired, whatever their number", (database) =>
    Effect.gen(function* () {
      const table = freshTable()
      const people = peopleOf({ table }).table
      const provider = yield* providerOf(database.layer({ table }))
      const { principals } = provider
      const expired = batchSize[database.dialect] + 7
      yield* fill(database, people, { ...provider, ...principals! }, { expired, live: 3 })
      expect(yield* provider.gc!).toBe(0)
      expect(
        yield* execute(database, `SELECT COUNT(*) AS n FROM ${people}`).pipe(Effect.map(([row]) => Number(row!["n"])))
      ).toBe(3)
    }).pipe(Effect.scoped)
  )

  live("quotes the table's name, whatever it is", (database) =>
    Effect.gen(function* () {
      const table = `a"b\`c'd; DROP ${freshTable()} --`
      const provider = yield* providerOf(database.layer({ table }))
      yield* keepsRecords(provider)
      const { id, revision } = yield* given(provider, "quoted")
      written(yield* provider.write(id, Buffer.from("written"), day, revision))
      expect(text(yield* provider.read(id))).toBe("written")
      expect(yield* provider.gc!).toBe(0)
      expect(yield* count(provider)).toBe(1)
      const again = yield* providerOf(database.layer({ table }))
      expect(text(yield* again.read(id))).toBe("written")
    }).pipe(Effect.scoped)
  )

  live("refuses a name that cannot be one", (database) =>
    Effect.gen(function* () {
      for (const table of ["", "a?", "web.session", "a\u0000", "x".repeat(49)]) {
        const error = yield* Effect.flip(providerOf(database.layer({ table })))
        expect(error.reason).toBe("InvalidConfig")
        expect(error.message).toContain("table")
      }
    }).pipe(Effect.scoped)
  )

  live("has no session under an id that is not hashed, and makes none", (database) =>
    Effect.gen(function* () {
      const provider = yield* providerOf(database.layer())
      const { id, revision } = yield* given(provider, "hashed")
      const raw = "3a5b8f0c9d2e4f61" as SessionProvider.StoredId
      expect((yield* Effect.flip(provider.create(raw, Buffer.from("x"), day))).reason).toBe("Unsupported")
      expect(
        (yield* Effect.flip(
          provider.regenerate({ oldId: id, newId: raw, payload: Buffer.from("x"), ttl: day, revision })
        )).reason
      ).toBe("Unsupported")
      expect(Option.isNone(yield* provider.read(raw))).toBe(true)
      expect(text(yield* provider.read(id))).toBe("hashed")
    }).pipe(Effect.scoped)
  )

  live("200 reads at once answer each its own: of the living, the expired and those that never were", (database) =>
    Effect.gen(function* () {
      const provider = yield* providerOf(database.layer({ table: freshTable() }))
      const ids = Array.from({ length: 70 }, newId)
      yield* Effect.forEach(ids, (id, i) =>
        i % 3 === 2
          ? Effect.void
          : Effect.asVoid(provider.create(id, Buffer.from(`of ${i}`), i % 3 === 0 ? day : Duration.millis(20)))
      )
      yield* Effect.sleep(40)
      for (const size of [1, 4, 5, 6, 64, 69, 200]) {
        const read = yield* Effect.all(
          Array.from({ length: size }, (_, i) => Effect.map(provider.read(ids[i % 70]!), text)),
          { concurrency: "unbounded" }
        )
        expect(read).toEqual(Array.from({ length: size }, (_, i) => ((i % 70) % 3 === 0 ? `of ${i % 70}` : undefined)))
      }
    }).pipe(Effect.scoped)
  )

  live("every statement uses an index", (database) =>
    Effect.gen(function* () {
      const table = freshTable()
      const provider = yield* providerOf(database.layer({ table }))
      const people = peopleOf({ table })
      yield* fillHalfExpired(database, table, 20_000, Date.now())
      yield* fillHalfExpired(database, people.table, 20_000, Date.now())
      const { id, revision } = yield* given(provider, "looked for")
      const key = Buffer.from(id, "base64url")
      const now = Date.now()
      const ended = yield* given(provider, "ended")
      yield* provider.destroy(ended.id, { content: Buffer.from("x"), ttl: day })
      const mark = Buffer.from(ended.id, "base64url")
      const values: Values = {
        id: key,
        newId: Buffer.alloc(32, 2),
        payload: Buffer.from("x"),
        version: Number(revision),
        next: 1,
        ttl: 1,
        markTtl: 1,
        mark: Buffer.from("x"),
        last: key,
        now
      }
      const sql = yield* SqlClient.SqlClient
      const all: ReadonlyArray<readonly [string, string, ReadonlyArray<unknown> | undefined]> = [
        ...[
          ...Object.entries(statements(database.dialect, { table })),
          ["gc of people's records", statements(database.dialect, people).gc] as const
        ].map(
          ([name, { parameters, text }]) =>
            // An INSERT looks for nothing but its key.
            [
              name,
              text,
              name === "create"
                ? undefined
                : parameters.map((parameter) => (name === "marked" && parameter === "id" ? mark : values[parameter]))
            ] as const
        ),
        ...(database.dialect === "sqlite" ? [] : [2, maxBatch]).map((size) => {
          const keys = Array.from({ length: size }, (_, i) => (i === 0 ? key : Buffer.alloc(32, i)))
          return [
            `readMany ${size}`,
            readMany(database.dialect, { table }, size),
            database.dialect === "postgres" ? [keys] : keys
          ] as const
        })
      ]
      for (const [name, text, values] of all) {
        if (values !== undefined) {
          const explain = database.dialect === "sqlite" ? "EXPLAIN QUERY PLAN" : "EXPLAIN"
          // But for the two constant rows of regenerateMarked.
          const constant = /<derived|<union|twice|CONSTANT|"table":null/
          const plan = JSON.stringify(
            (yield* sql.unsafe(`${explain} ${text}`, values)).filter((step) => !constant.test(JSON.stringify(step)))
          )
          switch (database.dialect) {
            case "postgres":
              expect(plan, name).toMatch(/Index/)
              expect(plan, name).not.toMatch(/Seq Scan/)
              break
            case "mysql":
              expect(plan, name).toMatch(/"key":"(PRIMARY|t\d+_\d+_(expires_at|principals_end))"/)
              expect(plan, name).not.toMatch(/"type":"(ALL|index)"/)
              break
            case "sqlite":
              expect(plan, name).toMatch(/SEARCH .* USING (COVERING )?INDEX/)
              expect(plan, name).not.toMatch(/"SCAN/)
          }
        }
      }
    }).pipe(Effect.provide(database.client(1)), Effect.scoped)
  )

  live("gc works in batches, and two at once remove each session once", (database) =>
    Effect.gen(function* () {
      const table = freshTable()
      const [one, two] = yield* Effect.all([
        providerOf(database.layer({ table })),
        providerOf(database.layer({ table }))
      ])
      const expired = 3 * batchSize[database.dialect] + 7
      yield* fill(database, table, one, { expired, live: 20 })
      const removed = yield* Effect.all([one.gc!, two.gc!], { concurrency: 2 })
      const rest = yield* one.gc!
      expect(removed[0] + removed[1] + rest).toBe(expired)
      expect(
        yield* execute(database, `SELECT COUNT(*) AS n FROM ${table}`).pipe(Effect.map(([row]) => Number(row!["n"])))
      ).toBe(20)
    }).pipe(Effect.scoped)
  )

  live("gc that is interrupted keeps what it removed, and does not keep others from going on", (database) =>
    Effect.gen(function* () {
      const table = freshTable()
      const [one, two] = yield* Effect.all([
        providerOf(database.layer({ table })),
        providerOf(database.layer({ table }))
      ])
      const expired = 4 * batchSize[database.dialect]
      yield* fill(database, table, one, { expired, live: 0 })
      const rows = Effect.map(execute(database, `SELECT COUNT(*) AS n FROM ${table}`), ([row]) => Number(row!["n"]))
      const running = yield* Effect.forkChild(one.gc!)
      yield* Effect.repeat(rows, { schedule: Schedule.spaced("1 millis"), until: (n) => n < expired })
      yield* Fiber.interrupt(running)
      const left = yield* rows
      expect(yield* two.gc!).toBe(left)
    }).pipe(Effect.scoped)
  )
}
