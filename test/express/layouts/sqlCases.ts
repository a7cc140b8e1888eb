// What the tables of express-session's stores are held to alike: rows that the real store wrote and reads, and a table that cannot be
// used.
import type { SessionProvider } from "effect-session"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type * as Scope from "#effect/Scope"
import * as Stream from "#effect/Stream"
import { expect, it } from "#test/vitest"
import { gcPage, statements } from "../../../src/Provider/foreign/sqlStatements.js"
import { given, newId, text, written } from "../../../src/testing/support.js"
import { useIndex } from "../../provider/foreignPlans.js"
import { execute, freshTable } from "../../provider/sqlDatabases.js"
import { providerOf } from "../../provider/sqlSuite.js"
import {
  ask,
  type Built,
  during,
  expectEnd,
  fill,
  hour,
  inMillis,
  json,
  parsed,
  record,
  rowOf,
  type Subject,
  setExpiry,
  sid,
  storeOf
} from "./sqlTables.js"

export const cases = (of: Effect.Effect<Subject>): void => {
  const live = <E>(name: string, test: (subject: Subject) => Effect.Effect<void, E, Scope.Scope>) =>
    it.live(name, () => Effect.scoped(Effect.flatMap(of, test)), 60_000)

  live("what the store wrote is read, written, renewed and ended, and the other way round, to the second", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const provider = yield* providerOf(subject.layer({ table }))
      const store = yield* storeOf(subject, table)
      const { round } = subject
      const halfSecond = subject.dialect === "mysql" ? 0.5 : 0
      for (const millis of [0, 1, 400, 499, 500, 501, 999]) {
        const expires = new Date(Math.floor(Date.now() / 1000) * 1000 + 60_000 + millis)
        const theirs = record({ visits: 1, name: "žluťoučký 🦄 \"'\\ \u2028" }, expires)
        yield* ask((done) => store.set(sid("a"), theirs, done))
        const read = yield* during(provider.read(sid("a")))
        expect(parsed(read.result)).toEqual(theirs)
        const { seconds } = (yield* rowOf(subject, table, sid("a")))!
        expect(seconds).toBe(round(expires.getTime() / 1000))
        expectEnd(seconds + halfSecond, read, Option.getOrThrow(read.result).expiresAt)
      }
      const read = Option.getOrThrow(yield* provider.read(sid("a")))
      const mine = record({ visits: 2, cart: [{ id: 1, price: 1e21 }], none: null }, new Date(Date.now() + 5_000))
      const write = yield* during(provider.write(sid("a"), json(mine), hour, read.revision))
      expect(yield* ask((done) => store.get(sid("a"), done))).toEqual(mine)
      const { seconds } = (yield* rowOf(subject, table, sid("a")))!
      for (const end of [seconds, written(write.result).expiresAt / 1000 - halfSecond]) {
        expect(end).toBeGreaterThanOrEqual(round(write.before + 3600 - inMillis))
        expect(end).toBeLessThanOrEqual(round(write.after + 3600 + inMillis))
      }
      yield* ask((done) => store.destroy(sid("a"), done))
      expect(yield* provider.exists(sid("a"))).toBe(false)

      written(yield* provider.create(sid("b"), json(mine), hour))
      expect(yield* ask((done) => store.get(sid("b"), done))).toEqual(mine)
      yield* provider.destroy(sid("b"))
      expect(yield* ask((done) => store.get(sid("b"), done))).toBeUndefined()
      expect(yield* rowOf(subject, table, sid("b"))).toBeUndefined()
    })
  )

  live("the store and the provider agree whether a session lives", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const provider = yield* providerOf(subject.layer({ table }))
      const store = yield* storeOf(subject, table)
      written(yield* provider.create(sid("a"), json({ cookie: {} }), hour))
      for (const [seconds, lives] of [
        [-2, false],
        [60, true],
        [-3600, false],
        [5 * 365 * 86_400, true]
      ] as const) {
        yield* setExpiry(subject, table, sid("a"), Math.floor(Date.now() / 1000) + seconds)
        expect((yield* ask((done) => store.get(sid("a"), done))) !== undefined, `${seconds} s`).toBe(lives)
        expect(yield* provider.exists(sid("a")), `${seconds} s`).toBe(lives)
        expect(yield* provider.count!).toBe(lives ? 1 : 0)
      }
      // One that never expires lives until 2106, for both.
      yield* provider.touch(sid("a"), Duration.infinity)
      expect((yield* rowOf(subject, table, sid("a")))!.seconds).toBe(2 ** 32 - 1)
      expect(yield* ask((done) => store.get(sid("a"), done))).toEqual({ cookie: {} })
      // Only one that has expired makes room.
      expect((yield* provider.create(sid("a"), json({ second: true }), hour))._tag).toBe("Exists")
      yield* setExpiry(subject, table, sid("a"), Math.floor(Date.now() / 1000) - 2)
      written(yield* provider.create(sid("a"), json({ second: true }), hour))
      expect(yield* ask((done) => store.get(sid("a"), done))).toEqual({ second: true })
    })
  )

  live("a touch of either leaves the other's data and revision", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const provider = yield* providerOf(subject.layer({ table }))
      const store = yield* storeOf(subject, table)
      const first = record({ visits: 1 }, new Date(Date.now() + 60_000))
      yield* ask((done) => store.set(sid("a"), first, done))
      const { revision } = Option.getOrThrow(yield* provider.read(sid("a")))
      const before = (yield* rowOf(subject, table, sid("a")))!
      expect((yield* provider.touch(sid("a"), hour))._tag).toBe("Touched")
      const renewed = (yield* rowOf(subject, table, sid("a")))!
      expect(renewed.data).toEqual(before.data)
      expect(renewed.seconds - before.seconds).toBeGreaterThan(3500)
      const later = record({ visits: "of an older request" }, new Date(Date.now() + 2 * 3_600_000))
      yield* ask((done) => store.touch!(sid("a"), later, () => done()))
      const again = Option.getOrThrow(yield* provider.read(sid("a")))
      expect(again.revision).toBe(revision)
      expect(again.expiresAt - Date.now()).toBeGreaterThan(7_100_000)
      written(yield* provider.write(sid("a"), json({ visits: 2 }), hour, revision))
      expect(yield* ask((done) => store.get(sid("a"), done))).toEqual({ visits: 2 })
    })
  )

  live(
    "a write of the store's after the read is a conflict, and is kept; what it destroyed is not brought back",
    (subject) =>
      Effect.gen(function* () {
        const table = freshTable()
        const provider = yield* providerOf(subject.layer({ table }))
        const store = yield* storeOf(subject, table)
        const { revision } = written(yield* provider.create(sid("a"), json({ n: 1 }), hour))
        const theirs = record({ n: "theirs" }, new Date(Date.now() + 60_000))
        yield* ask((done) => store.set(sid("a"), theirs, done))
        const move = { oldId: sid("a"), newId: sid("b"), payload: json({ n: 2 }), ttl: hour, revision }
        expect((yield* provider.write(sid("a"), json({ n: 2 }), hour, revision))._tag).toBe("Conflict")
        expect((yield* provider.regenerate(move))._tag).toBe("Conflict")
        expect(parsed(yield* provider.read(sid("a")))).toEqual(theirs)
        expect(yield* provider.count!).toBe(1)
        const now = Option.getOrThrow(yield* provider.read(sid("a")))
        yield* ask((done) => store.destroy(sid("a"), done))
        expect((yield* provider.write(sid("a"), json({ n: 3 }), hour, now.revision))._tag).toBe("Gone")
        expect((yield* provider.touch(sid("a"), hour))._tag).toBe("Gone")
        expect((yield* provider.regenerate({ ...move, revision: now.revision }))._tag).toBe("Gone")
        expect(yield* execute(subject.database, `SELECT * FROM ${table}`)).toEqual([])
      })
  )

  live("the store reads a table that is made here, and its own table is used as it is", (subject) =>
    Effect.gen(function* () {
      const columns = (table: string) =>
        execute(
          subject.database,
          `SELECT column_name AS name, data_type AS type, is_nullable AS nullable, character_maximum_length AS length, collation_name AS collation FROM information_schema.columns WHERE table_name = '${table}' ORDER BY ordinal_position`
        )
      const [own, mine] = [freshTable(), freshTable()]
      const store = yield* storeOf(subject, own)
      yield* ask((done) => store.set(sid("a"), record({ by: "store" }, new Date(Date.now() + 60_000)), done))
      yield* execute(subject.database, `ALTER TABLE ${own} ADD COLUMN note char(1) DEFAULT 'n'`)
      const before = yield* columns(own)
      yield* providerOf(subject.layer({ table: mine }))
      expect(yield* columns(mine)).toEqual(before.slice(0, 3))
      const provider = yield* providerOf(subject.layer({ table: own }))
      expect(parsed(yield* provider.read(sid("a")))).toMatchObject({ by: "store" })
      yield* given(provider, "{}", hour)
      expect(yield* columns(own)).toEqual(before)
    })
  )

  live("eight layers that are built at once on an empty database all come up", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const providers = yield* Effect.all(
        Array.from({ length: 8 }, () => providerOf(subject.layer({ table }))),
        { concurrency: 8 }
      )
      yield* given(providers[0]!, "{}", hour)
      expect(yield* Effect.all(providers.map((provider) => provider.count!))).toEqual(Array(8).fill(1))
    })
  )

  live("gc removes what has expired page by page, and a listing has the rest", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const [one, two] = yield* Effect.all([providerOf(subject.layer({ table })), providerOf(subject.layer({ table }))])
      const rows = 2 * gcPage + 7
      yield* fill(subject, table, rows)
      const living = Math.floor(rows / 5)
      const removed = yield* Effect.all([one.gc!, two.gc!], { concurrency: 2 })
      expect(removed[0] + removed[1]).toBe(rows - living)
      expect(yield* one.count!).toBe(living)
      const ids = Array.from(yield* Stream.runCollect(one.list!))
      expect(new Set(ids).size).toBe(living)
      expect(text(yield* one.read(ids[0]!))).toBe("{}")
    })
  )

  live("every statement on one session uses the index", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const provider = yield* providerOf(subject.layer({ table }))
      yield* fill(subject, table, 5_000)
      const { id } = yield* given(provider, "{}", hour)
      yield* useIndex(statements(subject.dialect, subject.layoutOf({ table }).form), {
        ...subject,
        table,
        id,
        payload: "{}"
      })
    })
  )

  live("a table that is missing, is another, or may not be used, is told with what to do", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const fails = (layer: Built) => Effect.flip(Effect.scoped(providerOf(layer)))
      const missing = yield* fails(subject.layer({ table, migrate: false }))
      expect(missing.reason).toBe("Unavailable")
      expect(missing.message).toMatch(
        new RegExp(`^${subject.dialect}: .*the table .${table}. is missing: leave the option migrate at its default`)
      )
      yield* execute(subject.database, `CREATE TABLE ${table} (id int)`)
      expect((yield* fails(subject.layer({ table }))).message).toMatch(
        /has other columns than .*: correct the option table/
      )

      const forbidden = yield* fails(subject.asStranger({ table: freshTable() }))
      expect(forbidden.reason).toBe("Unavailable")
      expect(forbidden.message).toMatch(/lacks rights: run GRANT SELECT, INSERT, UPDATE, DELETE ON .*needs CREATE/)
      const ours = freshTable()
      const owner = yield* providerOf(subject.layer({ table: ours }))
      written(yield* owner.create(sid("a"), json({ n: 1 }), hour))
      expect((yield* fails(subject.asStranger({ table: ours, migrate: false }))).message).toContain("lacks rights")
      yield* subject.administer(`GRANT SELECT ON ${ours} TO stranger`)
      const reader = yield* providerOf(subject.asStranger({ table: ours }))
      expect(parsed(yield* reader.read(sid("a")))).toEqual({ n: 1 })
      const refused = yield* Effect.flip(reader.create(sid("b"), json({}), hour))
      expect(refused.reason).toBe("Unavailable")
      expect(refused.message).toMatch(new RegExp(`lacks rights: run GRANT SELECT, INSERT, UPDATE, DELETE ON .${ours}.`))
      yield* subject.administer(`GRANT INSERT, UPDATE, DELETE ON ${ours} TO stranger`)
      written(yield* reader.create(sid("b"), json({}), hour))
    })
  )

  live("a table can be named with its schema, and a name that cannot be one is refused", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const schema = subject.dialect === "mysql" ? "session" : "web"
      if (subject.dialect === "postgres") yield* execute(subject.database, `CREATE SCHEMA IF NOT EXISTS ${schema}`)
      const provider = yield* providerOf(subject.layer({ table: `${schema}.${table}` }))
      const { id } = yield* given(provider, '{"in":"schema"}', hour)
      expect((yield* rowOf(subject, `${schema}.${table}`, id))!.seconds).toBeGreaterThan(Date.now() / 1000)
      const again = yield* providerOf(subject.layer({ table: `${schema}.${table}`, migrate: false }))
      expect(parsed(yield* again.read(id))).toEqual({ in: "schema" })
      for (const name of ["", "a?", ".a", "a.", "a.b.c", "x".repeat(49), "a\u0000"]) {
        const error = yield* Effect.flip(providerOf(subject.layer({ table: name })))
        expect(error.reason, name).toBe("InvalidConfig")
        expect(error.message).toMatch(/^table: /)
      }
      const odd = yield* providerOf(subject.layer({ table: `a"b\`c'd; DROP ${freshTable()} --` }))
      const kept = yield* given(odd, '{"odd":true}', hour)
      expect(parsed(yield* odd.read(kept.id))).toEqual({ odd: true })
    })
  )

  live("ids of any visible characters are kept, up to the column's length, and no others", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      const provider = yield* providerOf(subject.layer({ table }))
      const longest = subject.dialect === "mysql" ? 128 : 2_000
      const marks = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join("")
      for (const id of [marks, newId().repeat(50).slice(0, longest)] as Array<SessionProvider.StoredId>) {
        written(yield* provider.create(id, json({ of: id.length }), hour))
        expect(parsed(yield* provider.read(id))).toEqual({ of: id.length })
        expect(yield* provider.exists(`${id.slice(0, -1)} ` as SessionProvider.StoredId)).toBe(false)
      }
      for (const id of ["x".repeat(longest + 1), "a b", "é", "a "] as Array<SessionProvider.StoredId>) {
        expect((yield* Effect.flip(provider.create(id, json({}), hour))).message).toContain("cannot be a key")
        expect(yield* provider.exists(id)).toBe(false)
      }
      yield* execute(
        subject.database,
        `DELETE FROM ${table}`,
        subject.dialect === "mysql"
          ? `ALTER TABLE ${table} MODIFY session_id varchar(40) COLLATE utf8mb4_bin NOT NULL`
          : `ALTER TABLE ${table} ALTER COLUMN sid TYPE varchar(40)`
      )
      const shorter = yield* providerOf(subject.layer({ table }))
      written(yield* shorter.create("k".repeat(40) as SessionProvider.StoredId, json({}), hour))
      const tooLong = "k".repeat(41) as SessionProvider.StoredId
      expect((yield* Effect.flip(shorter.create(tooLong, json({}), hour))).message).toContain("cannot be a key")
    })
  )
}
