// express-mysql-session's table, with that store beside it, in MariaDB: what all such tables are held to, and other types of its column.
import type { SessionProvider } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import type * as Scope from "#effect/Scope"
import { expect, it } from "#test/vitest"
import * as ExpressMysql from "../../../src/express/layouts/mysql.js"
import { newId, written } from "../../../src/testing/support.js"
import { shared } from "../../provider/shared.js"
import { execute, freshTable, mysql } from "../../provider/sqlDatabases.js"
import { providerOf } from "../../provider/sqlSuite.js"
import * as MariaDb from "../../servers/MariaDb.js"
import { suite } from "../../servers/need.js"
import { cases } from "./sqlCases.js"
import { ask, conforms, hour, json, parsed, record, require, type Subject, sid, storeOf } from "./sqlTables.js"

const MysqlStore = require("express-mysql-session")(require("express-session"))

suite("express-mysql-session's table", ["mariadbd"], () => {
  const of = shared(
    Effect.flatMap(MariaDb.make(), ({ adminUrl, host, port, url }) => {
      const administer = (sql: string) => execute(mysql(adminUrl), "USE session", sql)
      const subject: Subject = {
        dialect: "mysql",
        database: mysql(url),
        layer: (options) => ExpressMysql.layer({ ...options, url }),
        layoutOf: ExpressMysql.layoutOf,
        asStranger: (options) => ExpressMysql.layer({ ...options, url: url.replace("session:", "stranger:") }),
        administer,
        store: (tableName) =>
          new MysqlStore({
            ...{ host, port, user: "session", password: "secret", database: "session" },
            clearExpired: false,
            schema: { tableName }
          }),
        columns: { id: "session_id", data: "data", expiry: "expires" },
        seconds: "expires",
        expiry: String,
        round: Math.round
      }
      return Effect.as(
        Effect.andThen(
          administer("CREATE USER stranger@'%' IDENTIFIED BY 'secret'"),
          // Without any right a user cannot enter the database.
          administer("GRANT CREATE TEMPORARY TABLES ON session.* TO stranger@'%'")
        ),
        subject
      )
    })
  )
  // That of the server's max_allowed_packet, 16 MB.
  const maxPayload = 16 * 1024 * 1024 - 1024

  conforms((table) => Layer.unwrap(Effect.map(of, ({ layer }) => layer({ table }))), maxPayload)
  cases(of)

  const live = <E>(name: string, test: (subject: Subject) => Effect.Effect<void, E, Scope.Scope>) =>
    it.live(name, () => Effect.scoped(Effect.flatMap(of, test)), 60_000)

  live("MariaDB's JSON keeps the text, and the store reads it", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      yield* execute(
        subject.database,
        `CREATE TABLE ${table} (session_id varchar(128) COLLATE utf8mb4_bin NOT NULL PRIMARY KEY, expires int(11) unsigned NOT NULL, data JSON)`
      )
      const provider = yield* providerOf(subject.layer({ table }))
      const store = yield* storeOf(subject, table)
      const { revision } = written(yield* provider.create(sid("a"), json({ visits: 1 }), hour))
      const next = written(yield* provider.write(sid("a"), Buffer.from('{"b":1,"a":"🦄"}'), hour, revision))
      expect(yield* ask((done) => store.get(sid("a"), done))).toEqual({ b: 1, a: "🦄" })
      expect(Option.getOrThrow(yield* provider.read(sid("a"))).revision).toBe(next.revision)
    })
  )

  live("a column in another character set, and one that is null, are read and written", (subject) =>
    Effect.gen(function* () {
      const table = freshTable()
      yield* execute(
        subject.database,
        `CREATE TABLE ${table} (session_id varchar(128) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL PRIMARY KEY, expires int(11) unsigned NOT NULL, data text CHARACTER SET latin1)`
      )
      const provider = yield* providerOf(subject.layer({ table }))
      const store = yield* storeOf(subject, table)
      expect(provider.capabilities.maxPayload).toBe(65_535)
      yield* ask((done) => store.set(sid("a"), record({ name: "déjà" }, new Date(Date.now() + 60_000)), done))
      const read = Option.getOrThrow(yield* provider.read(sid("a")))
      expect(parsed(Option.some(read))).toMatchObject({ name: "déjà" })
      written(yield* provider.write(sid("a"), json({ name: "façade" }), hour, read.revision))
      expect(yield* ask((done) => store.get(sid("a"), done))).toEqual({ name: "façade" })
      // Its key ignores letter case.
      expect(yield* provider.exists(sid("A"))).toBe(false)
      yield* provider.destroy(sid("A"))
      expect(yield* provider.exists(sid("a"))).toBe(true)
      yield* execute(subject.database, `UPDATE ${table} SET data = NULL`)
      const nothing = Option.getOrThrow(yield* provider.read(sid("a")))
      expect(nothing.payload.length).toBe(0)
      written(yield* provider.write(sid("a"), json({ n: 1 }), hour, nothing.revision))
      expect(parsed(yield* provider.read(sid("a")))).toEqual({ n: 1 })
    })
  )

  // There is no MySQL for the tests: this is its answer to the question for the column's type.
  live("MySQL's own JSON, which is rewritten, is refused", ({ layoutOf }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(layoutOf({ table: "sessions" }).limits(() => Effect.succeed([{ "1": 1 }])))
      expect(error).toMatchObject({ reason: "InvalidConfig", message: expect.stringContaining("make it a mediumtext") })
    })
  )

  live("a session as large as the limit is kept", (subject) =>
    Effect.gen(function* () {
      const provider = yield* providerOf(subject.layer({ table: freshTable() }))
      const payload = Buffer.from(JSON.stringify("x".repeat(maxPayload - 2)))
      const id = newId() as SessionProvider.StoredId
      written(yield* provider.create(id, payload, hour))
      expect(Option.getOrThrow(yield* provider.read(id)).payload.length).toBe(maxPayload)
    })
  )
})
