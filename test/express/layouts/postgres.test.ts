// connect-pg-simple's table, with that store beside it: what all such tables are held to, the types json and jsonb, `infinity`, and
// servers in another time zone.
import { type SessionError, SessionProvider } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import type * as Scope from "#effect/Scope"
import { expect, it } from "#test/vitest"
import * as ExpressPostgres from "../../../src/express/layouts/postgres.js"
import { written } from "../../../src/testing/support.js"
import { shared } from "../../provider/shared.js"
import { execute, freshTable, postgres } from "../../provider/sqlDatabases.js"
import { providerOf } from "../../provider/sqlSuite.js"
import { suite } from "../../servers/need.js"
import * as Postgres from "../../servers/Postgres.js"
import { cases } from "./sqlCases.js"
import {
  ask,
  conforms,
  during,
  expectEnd,
  hour,
  json,
  parsed,
  record,
  require,
  type Subject,
  sid,
  storeOf
} from "./sqlTables.js"

const PgStore = require("connect-pg-simple")(require("express-session"))

const jsonb = "(sid varchar PRIMARY KEY, sess jsonb NOT NULL, expire timestamp(6) NOT NULL)"

/** A table with a jsonb for each case of the suite. */
const jsonbTables = `DO $$ BEGIN FOR n IN 0..99 LOOP EXECUTE 'CREATE TABLE jsonb_conforms_' || n || ' ${jsonb}'; END LOOP; END $$`

suite("connect-pg-simple's table", ["postgres"], () => {
  const server = shared(
    Effect.tap(Postgres.make(), ({ adminUrl, url }) =>
      Effect.andThen(
        execute(
          postgres(adminUrl),
          "CREATE ROLE stranger LOGIN PASSWORD 'secret'",
          "CREATE DATABASE bogota OWNER session",
          // Five hours behind UTC, all year.
          "ALTER DATABASE bogota SET timezone = 'America/Bogota'"
        ),
        execute(postgres(url), jsonbTables)
      )
    )
  )
  const subjectOn = (url: string, adminUrl: string): Subject => ({
    dialect: "postgres",
    database: postgres(url),
    layer: (options) => ExpressPostgres.layer({ ...options, url }),
    layoutOf: ExpressPostgres.layoutOf,
    asStranger: (options) => ExpressPostgres.layer({ ...options, url: url.replace("session:", "stranger:") }),
    administer: (sql) => execute(postgres(adminUrl), sql),
    store: (tableName) =>
      new PgStore({
        ...{ conString: url, tableName, createTableIfMissing: true, pruneSessionInterval: false },
        // Of connections that the server ends before they have said goodbye.
        errorLog: () => {}
      }),
    columns: { id: "sid", data: "sess", expiry: "expire" },
    seconds: "EXTRACT(EPOCH FROM expire::timestamptz)",
    expiry: (seconds) => `TO_TIMESTAMP(${seconds})`,
    round: Math.ceil
  })
  const of = Effect.map(server, ({ adminUrl, url }) => subjectOn(url, adminUrl))
  const { maxPayload } = SessionProvider.defaultCapabilities

  const withJsonb = (subject: Subject, table: string) => execute(subject.database, `CREATE TABLE ${table} ${jsonb}`)

  conforms((table) => Layer.unwrap(Effect.map(of, ({ layer }) => layer({ table }))), maxPayload)
  // What takes its time does so in any type.
  conforms(
    (table) => Layer.unwrap(Effect.map(of, ({ layer }) => layer({ table: `jsonb_${table}`, migrate: false }))),
    maxPayload,
    {
      where: " (jsonb)",
      only: (name) => /regenerate|write|touch|byte for byte|declared/.test(name) && !/lifetime|expires/.test(name)
    }
  )
  cases(of)

  const live = <E>(name: string, test: (subject: Subject) => Effect.Effect<void, E, Scope.Scope>) =>
    it.live(name, () => Effect.scoped(Effect.flatMap(of, test)), 60_000)

  live("jsonb keeps another text than it was given, and the revision is that of the text that it keeps", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      yield* withJsonb(subject, table)
      const provider = yield* providerOf(subject.layer({ table }))
      const store = yield* storeOf(subject, table)
      const made = written(yield* provider.create(sid("a"), Buffer.from('{"visits":1,"a":{"c":1,"b":1e3}}'), hour))
      expect(Option.getOrThrow(yield* provider.read(sid("a"))).revision).toBe(made.revision)
      const next = written(yield* provider.write(sid("a"), Buffer.from('{"visits":2,"é":"🦄"}'), hour, made.revision))
      const moved = written(
        yield* provider.regenerate({
          oldId: sid("a"),
          newId: sid("b"),
          payload: Buffer.from('{ "visits" : 3 }'),
          ttl: hour,
          revision: next.revision
        })
      )
      expect(yield* ask((done) => store.get(sid("b"), done))).toEqual({ visits: 3 })
      yield* ask((done) => store.set(sid("b"), record({ visits: 4 }, new Date(Date.now() + 60_000)), done))
      expect((yield* provider.write(sid("b"), json({}), hour, moved.revision))._tag).toBe("Conflict")
      const read = Option.getOrThrow(yield* provider.read(sid("b")))
      expect(parsed(Option.some(read))).toMatchObject({ visits: 4 })
      written(yield* provider.write(sid("b"), json({ visits: 5 }), hour, read.revision))
    })
  )

  live("a text that jsonb cannot hold is an InvalidValue, and the session stays; json holds it", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      yield* withJsonb(subject, table)
      const provider = yield* providerOf(subject.layer({ table }))
      const { revision } = written(yield* provider.create(sid("a"), json({ n: 1 }), hour))
      for (const name of ["secret\u0000", "secret\ud800"]) {
        const attempts: ReadonlyArray<Effect.Effect<unknown, SessionError>> = [
          provider.write(sid("a"), json({ name }), hour, revision),
          provider.create(sid("b"), json({ name }), hour)
        ]
        for (const attempt of attempts) {
          const error = yield* Effect.flip(attempt)
          expect(error.reason).toBe("InvalidValue")
          expect(error.message).toContain("make the column sess a json")
          expect(error.message).not.toContain("secret")
        }
      }
      expect(parsed(yield* provider.read(sid("a")))).toEqual({ n: 1 })
      expect(yield* provider.exists(sid("b"))).toBe(false)
      const plain = yield* providerOf(subject.layer({ table: freshTable() }))
      for (const [id, name] of [
        [sid("a"), "\u0000"],
        [sid("b"), "\ud800"]
      ] as const) {
        const made = written(yield* plain.create(id, json({ name }), hour))
        expect(parsed(yield* plain.read(id))).toEqual({ name })
        written(yield* plain.write(id, json({ name, n: 2 }), hour, made.revision))
      }
    })
  )

  live("a schema that is missing is told", ({ layer }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(providerOf(layer({ table: "nowhere.session" })))
      expect(error.reason).toBe("Unavailable")
      expect(error.message).toContain("there is no such schema: correct the option table")
    })
  )

  live("a session that never expires is read, written and renewed as any", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const provider = yield* providerOf(subject.layer({ table }))
      const insert = (id: string, expire: string) =>
        execute(subject.database, `INSERT INTO ${table} VALUES ('${id}', '{"n":1}', '${expire}')`)
      yield* insert(sid("a"), "infinity")
      yield* insert(sid("b"), "-infinity")
      const read = Option.getOrThrow(yield* provider.read(sid("a")))
      expect(new Date(read.expiresAt).getUTCFullYear()).toBe(275_760)
      expect(yield* provider.exists(sid("b"))).toBe(false)
      expect(yield* provider.count!).toBe(1)
      written(yield* provider.write(sid("a"), json({ n: 2 }), hour, read.revision))
      const { expiresAt } = Option.getOrThrow(yield* provider.read(sid("a")))
      expect(expiresAt - Date.now()).toBeLessThanOrEqual(3_601_000)
      expect(yield* provider.gc!).toBe(1)
    })
  )

  live("a server in another time zone: the store and the provider agree", () =>
    Effect.gen(function* () {
      const { adminUrl, url } = yield* server
      const there = subjectOn(url.replace(/session$/, "bogota"), adminUrl.replace(/session$/, "bogota"))
      const table = freshTable()
      const provider = yield* providerOf(there.layer({ table }))
      const store = yield* storeOf(there, table)
      const end = Math.floor(Date.now() / 1000) + 600
      yield* ask((done) => store.set(sid("a"), record({ by: "store" }, new Date(end * 1000)), done))
      written(yield* provider.create(sid("b"), json({ by: "provider" }), hour))
      // Local time, without a zone.
      const rows = yield* execute(
        there.database,
        `SELECT sid AS id, EXTRACT(EPOCH FROM expire AT TIME ZONE 'America/Bogota') AS seconds FROM ${table} ORDER BY sid`
      )
      expect(Number(rows[0]!["seconds"])).toBe(end)
      expect(Math.abs(Number(rows[1]!["seconds"]) - (Date.now() / 1000 + 3600))).toBeLessThan(60)
      const read = yield* during(provider.read(sid("a")))
      expectEnd(end, read, Option.getOrThrow(read.result).expiresAt)
      expect(yield* ask((done) => store.get(sid("b"), done))).toEqual({ by: "provider" })
      yield* execute(there.database, `UPDATE ${table} SET expire = TO_TIMESTAMP(${Math.floor(Date.now() / 1000) - 2})`)
      for (const id of [sid("a"), sid("b")]) {
        expect(yield* ask((done) => store.get(id, done))).toBeUndefined()
        expect(yield* provider.exists(id)).toBe(false)
      }
      yield* ask((done) => (store as unknown as { pruneSessions: (done: () => void) => void }).pruneSessions(done))
      expect(yield* provider.gc!).toBe(0)
    })
  )
})
