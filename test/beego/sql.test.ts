// beego's session table in MySQL (tested on MariaDB) and PostgreSQL: conformance, the rows as beego has them, and what beego's columns
// cannot hold.
import { readFileSync } from "node:fs"
import { type SessionError, SessionProvider } from "effect-session"
import * as Clock from "#effect/Clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { expect, it } from "#test/vitest"
import * as BeegoMysql from "../../src/beego/layouts/mysql.js"
import * as BeegoPostgres from "../../src/beego/layouts/postgres.js"
import { ddl, statements } from "../../src/beego/layouts/sqlStatements.js"
import { gcPage } from "../../src/Provider/foreign/sqlStatements.js"
import { given, newId, text, written } from "../../src/testing/support.js"
import { conformsInTables } from "../provider/conforms.js"
import { useIndex } from "../provider/foreignPlans.js"
import { shared } from "../provider/shared.js"
import { type Database, execute, freshTable, mysql, postgres } from "../provider/sqlDatabases.js"
import { providerOf } from "../provider/sqlSuite.js"
import * as MariaDb from "../servers/MariaDb.js"
import { suite } from "../servers/need.js"
import * as Postgres from "../servers/Postgres.js"
import * as Proxy from "../servers/Proxy.js"

const hour = Duration.hours(1)

interface Raw {
  readonly hex: string
  readonly expiryMinusNow?: number
}

/** What beego left in the table, step by step. */
const recorded = (provider: string): Record<string, Raw> =>
  JSON.parse(readFileSync(new URL("../data/beego/backend_vectors.json", import.meta.url), "utf8")).results.find(
    (result: { readonly provider: string }) => result.provider === provider
  )

interface TableOptions {
  readonly table?: string
  readonly migrate?: boolean
  readonly maxLifetime?: Duration.Duration
}

interface Subject {
  readonly dialect: "mysql" | "postgres"
  /** beego's name of the provider. */
  readonly beego: string
  readonly database: Database
  readonly layer: (options: TableOptions) => Layer.Layer<SessionProvider.SessionProvider, SessionError>
  readonly port: number
  /** A provider behind a proxy, which can read its statements. */
  readonly behind: (port: number, table: string) => Layer.Layer<SessionProvider.SessionProvider, SessionError>
  /** The table as beego's documentation makes it. */
  readonly beegosTable: (table: string) => string
  /** A statement of beego's, with the time of the last write in Unix seconds. */
  readonly time: (seconds: number) => string
}

/** Five hours behind UTC, all year. */
const bogota = "America/Bogota"

const sid = (letter: string) => letter.repeat(32) as SessionProvider.StoredId

const hexLiteral = (subject: Subject, hex: string) => (subject.dialect === "mysql" ? `x'${hex}'` : `'\\x${hex}'`)

const insert = (subject: Subject, table: string, id: string, hex: string, seconds: number) =>
  execute(
    subject.database,
    `INSERT INTO ${table} (session_key, session_data, session_expiry) VALUES ('${id}', ${hexLiteral(subject, hex)}, ${subject.time(seconds)})`
  )

/** Many sessions at once, of which every fifth lives. */
const fill = (subject: Subject, table: string, rows: number) => {
  const now = Math.floor(Date.now() / 1000)
  return execute(
    subject.database,
    subject.dialect === "mysql"
      ? `INSERT INTO ${table} SELECT MD5(seq), '', ${now} - IF(seq % 5 = 0, 0, 4000) FROM seq_1_to_${rows}`
      : `INSERT INTO ${table} SELECT MD5(n::text), ''::bytea, ${subject.time(now)} - CASE n % 5 WHEN 0 THEN 0 ELSE 4000 END * interval '1 second' FROM generate_series(1, ${rows}) n`
  )
}

const hexOf = (stored: Option.Option<SessionProvider.Stored>) =>
  Option.match(stored, { onNone: () => "absent", onSome: ({ payload }) => Buffer.from(payload).toString("hex") })

const conforms = (
  of: Effect.Effect<Subject>,
  options: (table: string) => TableOptions,
  capabilities: Partial<SessionProvider.Capabilities>,
  where: string,
  only: (name: string) => boolean = () => true
) =>
  conformsInTables(
    (table) => Layer.unwrap(Effect.map(of, ({ layer }) => layer(options(table)))),
    {
      capabilities: {
        ...SessionProvider.defaultCapabilities,
        consistency: "compareContent",
        regenerate: "ordered",
        ...capabilities
      },
      optional: { count: true, list: true, gc: true, marked: false, principals: false }
    },
    { where, only }
  )

const cases = (of: Effect.Effect<Subject>, capabilities: Partial<SessionProvider.Capabilities>): void => {
  const live = <E>(name: string, test: (subject: Subject) => Effect.Effect<void, E>) =>
    it.live(name, () => Effect.flatMap(of, test), 60_000)

  conforms(of, (table) => ({ table }), capabilities, "")

  live("a session is the row that beego makes of it", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const provider = yield* providerOf(subject.layer({ table }))
      const { hex } = recorded(subject.beego)["06_raw_after_release"]!
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      written(yield* provider.create(sid("a"), Buffer.from(hex, "hex"), hour))
      const [row] = yield* execute(
        subject.database,
        subject.dialect === "mysql"
          ? `SELECT session_key AS id, HEX(session_data) AS data, session_expiry AS stored FROM ${table}`
          : `SELECT session_key AS id, ENCODE(session_data, 'hex') AS data, EXTRACT(EPOCH FROM session_expiry AT TIME ZONE '${bogota}') AS stored FROM ${table}`
      )
      expect(row!["id"]).toBe(sid("a").padEnd(subject.dialect === "mysql" ? 32 : 64))
      expect(String(row!["data"]).toLowerCase()).toBe(hex)
      expect(Number(row!["stored"]) - now).toBeGreaterThanOrEqual(0)
      expect(Number(row!["stored"]) - now).toBeLessThan(2)
    }).pipe(Effect.scoped)
  )

  live("what beego recorded is read, its empty rows as empty sessions", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      yield* execute(subject.database, subject.beegosTable(table))
      const now = Math.floor(Date.now() / 1000)
      const steps = Object.entries(recorded(subject.beego)).filter(
        ([name, step]) => name.includes("_raw_") && typeof step === "object"
      )
      expect(steps.length).toBeGreaterThan(3)
      const provider = yield* providerOf(subject.layer({ table }))
      for (const [i, [, { hex }]] of steps.entries()) {
        const id = sid("abcdef"[i]!)
        yield* insert(subject, table, id, hex, now - i)
        const stored = yield* provider.read(id)
        expect(hexOf(stored)).toBe(hex)
        const { expiresAt } = Option.getOrThrow(stored)
        // By the server's clock, and a little less for the time that the question took.
        expect(expiresAt / 1000 - (now - i + 3600)).toBeGreaterThan(-1)
        expect(expiresAt / 1000 - (now - i + 3600)).toBeLessThanOrEqual(1)
      }
      yield* execute(subject.database, `UPDATE ${table} SET session_data = NULL WHERE session_key = '${sid("a")}'`)
      const nothing = Option.getOrThrow(yield* provider.read(sid("a")))
      expect(nothing.payload.length).toBe(0)
      written(yield* provider.write(sid("a"), Buffer.from("something"), hour, nothing.revision))
      expect(text(yield* provider.read(sid("a")))).toBe("something")
      expect(yield* provider.count!).toBe(steps.length)
      // A row of which beego would say the same, but for its garbage collection.
      yield* insert(subject, table, sid("0"), "00", now - 3602)
      expect(hexOf(yield* provider.read(sid("0")))).toBe("absent")
      expect(yield* provider.gc!).toBe(1)
    }).pipe(Effect.scoped)
  )

  live("a change whose answer is lost is no conflict, which would be made again, and a move is made", (subject) =>
    Effect.gen(function* () {
      const proxy = yield* Proxy.make(subject.port)
      const provider = yield* providerOf(subject.behind(proxy.port, freshTable()))
      proxy.swallowReply(/INSERT/)
      expect((yield* Effect.flip(provider.create(sid("a"), Buffer.from("1"), hour))).reason).toBe("Unavailable")
      const { revision } = Option.getOrThrow(yield* provider.read(sid("a")))
      proxy.swallowReply(/UPDATE/)
      expect((yield* Effect.flip(provider.write(sid("a"), Buffer.from("2"), hour, revision))).reason).toBe(
        "Unavailable"
      )
      const changed = Option.getOrThrow(yield* provider.read(sid("a")))
      expect(Buffer.from(changed.payload).toString()).toBe("2")
      proxy.swallowReply(/DELETE/)
      written(
        yield* provider.regenerate({
          oldId: sid("a"),
          newId: sid("b"),
          payload: Buffer.from("3"),
          ttl: hour,
          revision: changed.revision
        })
      )
      expect(text(yield* provider.read(sid("a")))).toBeUndefined()
      expect(text(yield* provider.read(sid("b")))).toBe("3")
    }).pipe(Effect.scoped)
  )

  live("a write of beego's after the read is a conflict, and is kept", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const provider = yield* providerOf(subject.layer({ table }))
      written(yield* provider.create(sid("a"), Buffer.from("1"), hour))
      const { revision } = Option.getOrThrow(yield* provider.read(sid("a")))
      const seconds = Math.floor(Date.now() / 1000)
      yield* execute(
        subject.database,
        `UPDATE ${table} SET session_data = ${hexLiteral(subject, "62")}, session_expiry = ${subject.time(seconds)} WHERE session_key = '${sid("a")}'`
      )
      expect((yield* provider.write(sid("a"), Buffer.from("2"), hour, revision))._tag).toBe("Conflict")
      expect(
        (yield* provider.regenerate({
          oldId: sid("a"),
          newId: sid("b"),
          payload: Buffer.from("2"),
          ttl: hour,
          revision
        }))._tag
      ).toBe("Conflict")
      expect(text(yield* provider.read(sid("a")))).toBe("b")
      expect(yield* provider.count!).toBe(1)
    }).pipe(Effect.scoped)
  )

  live("makes the table where it is missing and wanted, and never alters one that is there", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const missing = yield* Effect.flip(providerOf(subject.layer({ table, migrate: false })))
      expect(missing.reason).toBe("Unavailable")
      expect(missing.message).toContain(subject.dialect)
      yield* execute(
        subject.database,
        subject.beegosTable(table),
        `ALTER TABLE ${table} ADD COLUMN note char(1) DEFAULT 'n'`
      )
      const columns = execute(
        subject.database,
        `SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_name = '${table}' ORDER BY ordinal_position`
      )
      const before = yield* columns
      const provider = yield* providerOf(subject.layer({ table }))
      yield* given(provider, "kept", hour)
      expect(yield* columns).toEqual(before)
      expect(before.length).toBe(4)
    }).pipe(Effect.scoped)
  )

  live("eight layers that are built at once on an empty database all come up", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const providers = yield* Effect.all(
        Array.from({ length: 8 }, () => providerOf(subject.layer({ table }))),
        { concurrency: 8 }
      )
      yield* given(providers[0]!, "seen by all", hour)
      expect(yield* Effect.all(providers.map((provider) => provider.count!))).toEqual(Array(8).fill(1))
    }).pipe(Effect.scoped)
  )

  live("gc goes through the table page by page, and two at once remove each session once", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const [one, two] = yield* Effect.all([providerOf(subject.layer({ table })), providerOf(subject.layer({ table }))])
      const rows = 3 * gcPage + 7
      yield* fill(subject, table, rows)
      const live = Math.floor(rows / 5)
      const removed = yield* Effect.all([one.gc!, two.gc!], { concurrency: 2 })
      expect(removed[0] + removed[1]).toBe(rows - live)
      expect(yield* one.gc!).toBe(0)
      expect(yield* one.count!).toBe(live)
      expect([...(yield* Stream.runCollect(one.list!))].length).toBe(live)
    }).pipe(Effect.scoped)
  )

  live("lists the ids of more than a page, without the blanks of the column", (subject) =>
    Effect.gen(function* () {
      const provider = yield* providerOf(subject.layer({ table: freshTable() }))
      const ids = Array.from({ length: 2_100 }, newId)
      yield* Effect.all(
        ids.map((id) => provider.create(id, Buffer.from("x"), hour)),
        { concurrency: 8 }
      )
      const listed = Array.from(yield* Stream.runCollect(provider.list!))
      expect([...listed].sort()).toEqual([...ids].sort())
    }).pipe(Effect.scoped)
  )

  live("takes a key of 64 characters, refuses one of 65, and finds none with blanks", (subject) =>
    Effect.gen(function* () {
      const provider = yield* providerOf(subject.layer({ table: freshTable() }))
      const longest = "k".repeat(64) as SessionProvider.StoredId
      written(yield* provider.create(longest, Buffer.from("x"), hour))
      expect(text(yield* provider.read(longest))).toBe("x")
      const longer = "k".repeat(65) as SessionProvider.StoredId
      expect((yield* Effect.flip(provider.create(longer, Buffer.from("x"), hour))).reason).toBe("Unavailable")
      written(yield* provider.create(sid("a"), Buffer.from("x"), hour))
      expect(yield* provider.exists(`${sid("a")} ` as SessionProvider.StoredId)).toBe(false)
    }).pipe(Effect.scoped)
  )

  live("every statement on one session uses the index", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const provider = yield* providerOf(subject.layer({ table }))
      yield* fill(subject, table, 20_000)
      const { id } = yield* given(provider, "x", hour)
      yield* useIndex(statements(subject.dialect, table, "UTC", 3_600_000), {
        ...subject,
        table,
        id,
        payload: Buffer.from("x")
      })
    }).pipe(Effect.scoped)
  )

  live("refuses a lifetime or a table's name that cannot be one", (subject) =>
    Effect.gen(function* () {
      for (const maxLifetime of [Duration.zero, Duration.infinity]) {
        const error = yield* Effect.flip(providerOf(subject.layer({ maxLifetime })))
        expect(error.reason).toBe("InvalidConfig")
        expect(error.message).toContain("maxLifetime")
      }
      const error = yield* Effect.flip(providerOf(subject.layer({ table: "a?" })))
      expect(error.reason).toBe("InvalidConfig")
    }).pipe(Effect.scoped)
  )
}

suite("beego's table in MySQL", ["mariadbd"], () => {
  const of = Effect.map(
    shared(MariaDb.make()),
    ({ port, url }): Subject => ({
      dialect: "mysql",
      beego: "mysql",
      database: mysql(url),
      port,
      behind: (proxy, table) =>
        BeegoMysql.layer({ url: url.replace(`:${port}/`, `:${proxy}/`), maxLifetime: hour, table, prepared: false }),
      layer: ({ maxLifetime = hour, migrate, table }) => BeegoMysql.layer({ url, maxLifetime, migrate, table }),
      beegosTable: (table) =>
        `CREATE TABLE ${table} (session_key char(64) NOT NULL, session_data blob, session_expiry int(11) unsigned NOT NULL, PRIMARY KEY (session_key)) ENGINE=MyISAM DEFAULT CHARSET=utf8`,
      time: String
    })
  )
  const blob = { maxPayload: 65_535, expirySlack: 1000 }
  cases(of, blob)

  // Its key ignores letter case, so that two ids which differ in nothing else cannot both be there; beego's are in lower case.
  const letterCase = "tells ids apart to the last bit and letter case"
  const madeByBeego = Effect.tap(of, ({ beegosTable, database }) =>
    execute(database, beegosTable("beegos").replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
  )
  conforms(
    Effect.map(of, (subject) => ({
      ...subject,
      layer: (options: TableOptions) =>
        Layer.unwrap(
          Effect.as(
            execute(
              subject.database,
              subject.beegosTable(options.table!).replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")
            ),
            subject.layer(options)
          )
        )
    })),
    (table) => ({ table: `beegos_${table}`, migrate: false }),
    blob,
    " (MyISAM, as beego's documentation makes it)",
    (name) => name !== letterCase
  )

  it.live("MyISAM, as beego's documentation makes it: an id in another letter case finds and ends no session", () =>
    Effect.gen(function* () {
      const { layer } = yield* madeByBeego
      const provider = yield* providerOf(layer({ table: "beegos" }))
      const lower = sid("c")
      const upper = lower.toUpperCase() as SessionProvider.StoredId
      const { revision } = written(yield* provider.create(lower, Buffer.from("lower"), hour))
      expect(yield* provider.exists(upper)).toBe(false)
      expect((yield* provider.touch(upper, hour))._tag).toBe("Gone")
      expect((yield* provider.write(upper, Buffer.from("x"), hour, revision))._tag).toBe("Gone")
      expect((yield* provider.create(upper, Buffer.from("x"), hour))._tag).toBe("Exists")
      yield* provider.destroy(upper)
      expect(text(yield* provider.read(lower))).toBe("lower")
    }).pipe(Effect.scoped)
  )

  it.live("a larger column takes larger sessions", () =>
    Effect.gen(function* () {
      const { database, layer } = yield* of
      const table = freshTable()
      yield* execute(database, ddl("mysql", table).replace("blob", "mediumblob"))
      const provider = yield* providerOf(layer({ table }))
      const payload = Buffer.alloc(provider.capabilities.maxPayload, "x")
      expect(payload.length).toBeGreaterThan(1024 * 1024)
      const id = newId()
      written(yield* provider.create(id, payload, hour))
      expect(Option.getOrThrow(yield* provider.read(id)).payload.length).toBe(payload.length)
    }).pipe(Effect.scoped)
  )
})

suite("beego's table in PostgreSQL", ["postgres"], () => {
  const of = Effect.map(
    shared(Postgres.make()),
    ({ port, url }): Subject => ({
      dialect: "postgres",
      beego: "postgresql",
      database: postgres(url),
      port,
      behind: (proxy, table) =>
        BeegoPostgres.layer({ url: url.replace(`:${port}/`, `:${proxy}/`), maxLifetime: hour, table, prepared: false }),
      layer: ({ maxLifetime = hour, migrate, table }) =>
        BeegoPostgres.layer({ url, maxLifetime, migrate, table, timeZone: bogota }),
      beegosTable: (table) =>
        `CREATE TABLE ${table} (session_key char(64) NOT NULL, session_data bytea, session_expiry timestamp NOT NULL, CONSTRAINT ${table}_beego PRIMARY KEY(session_key))`,
      // As Go hands it over: local time with an offset, which PostgreSQL drops.
      time: (seconds) =>
        `'${new Date((seconds - 5 * 3600) * 1000).toISOString().replace(".000Z", "-05:00")}'::timestamp`
    })
  )
  cases(of, {})

  it.live("the default time zone is this process's, and one that PostgreSQL reads differently is refused", () =>
    Effect.gen(function* () {
      const { database } = yield* of
      const table = freshTable()
      const options = { url: database.url, maxLifetime: hour, table }
      yield* given(yield* providerOf(BeegoPostgres.layer(options)), "local", hour)
      const { timeZone } = new Intl.DateTimeFormat().resolvedOptions()
      const [row] = yield* execute(
        database,
        `SELECT EXTRACT(EPOCH FROM session_expiry AT TIME ZONE '${timeZone}') AS stored FROM ${table}`
      )
      expect(Math.abs(Number(row!["stored"]) - Date.now() / 1000)).toBeLessThan(10)
      for (const wrong of ["+02:00", "Europe/Nowhere", "'; DROP", ""]) {
        const error = yield* Effect.flip(providerOf(BeegoPostgres.layer({ ...options, timeZone: wrong })))
        expect(error.reason).toBe("InvalidConfig")
        expect(error.message).toContain("timeZone")
      }
    }).pipe(Effect.scoped)
  )
})
