// What databases refuse, in words that say what mends it.
import type { SessionProvider } from "effect-session"
import * as Mysql from "effect-session/mysql"
import * as Postgres from "effect-session/postgres"
import * as Effect from "#effect/Effect"
import type * as Layer from "#effect/Layer"
import { expect, it } from "#test/vitest"
import * as MariaDb from "../servers/MariaDb.js"
import { suite } from "../servers/need.js"
import * as PostgresServer from "../servers/Postgres.js"
import * as Scripted from "../servers/scripted.js"
import { shared } from "./shared.js"
import { execute, freshTable, mysql, postgres } from "./sqlDatabases.js"
import { providerOf } from "./sqlSuite.js"

/** The message of a layer that is not built. */
const refusal = (layer: Layer.Layer<SessionProvider.SessionProvider, unknown>) =>
  Effect.map(
    Effect.flip(providerOf(layer)),
    (error) => `${(error as Error & { reason: string }).reason}: ${(error as Error).message}`
  )

suite("postgres", ["postgres"], () => {
  const server = shared(PostgresServer.make())

  it.live("says what is wrong, and what mends it", () =>
    Effect.gen(function* () {
      const { adminUrl, url } = yield* server
      yield* execute(postgres(adminUrl), "CREATE ROLE nobody LOGIN PASSWORD 'secret'")
      const table = freshTable()
      yield* Effect.scoped(providerOf(Postgres.layer({ url, table })))
      const [wrongPassword, wrongDatabase, noRights] = yield* Effect.all([
        refusal(Postgres.layer({ url: url.replace(":secret@", ":hunter2@") })),
        refusal(Postgres.layer({ url: url.replace(/session$/, "elsewhere") })),
        refusal(Postgres.layer({ url: url.replace("session:secret", "nobody:secret"), table }))
      ])
      expect(wrongPassword).toMatch(/^Unavailable: postgres: connect failed \(28P01\): .*password/)
      expect(wrongPassword).not.toContain("hunter2")
      expect(wrongDatabase).toMatch(/\(3D000\): .*CREATE DATABASE/)
      expect(noRights).toMatch(/\(42501\): .*GRANT SELECT, INSERT, UPDATE, DELETE/)
    }).pipe(Effect.scoped)
  )

  it.live("a user who may not create the table of people's records is told the SQL, and works once it was run", () =>
    Effect.gen(function* () {
      const { adminUrl, url } = yield* server
      const table = freshTable()
      yield* Effect.scoped(providerOf(Postgres.layer({ url, table })))
      yield* execute(
        postgres(url),
        `DROP TABLE ${table}_principals`,
        `DELETE FROM ${table}_migrations WHERE step = 2`,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO PUBLIC`,
        `GRANT SELECT ON ${table}_migrations TO PUBLIC`
      )
      yield* execute(postgres(adminUrl), "CREATE ROLE weak LOGIN PASSWORD 'secret'")
      const weak = Postgres.layer({ url: url.replace("session:secret", "weak:secret"), table })
      const [words, sql] = (yield* refusal(weak)).split(" or run: ")
      expect(words).toMatch(/^Unavailable: postgres: migrate failed \(42501\): .*GRANT SELECT, INSERT, UPDATE, DELETE/)
      expect(sql).toMatch(/^CREATE TABLE IF NOT EXISTS "\w+_principals" \(/)
      yield* execute(postgres(url), ...sql!.split(";").filter((text) => text.trim() !== ""))
      expect(yield* refusal(weak)).toMatch(/GRANT SELECT, INSERT, UPDATE, DELETE ON .*_principals/)
      yield* execute(postgres(url), `GRANT SELECT, INSERT, UPDATE, DELETE ON ${table}_principals TO PUBLIC`)
      yield* providerOf(weak)
    }).pipe(Effect.scoped)
  )

  it.live("the option tls counts, whatever the URL says", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const [wanted, refused] = yield* Effect.all([
        refusal(Postgres.layer({ url: `${url}?sslmode=disable`, tls: true })),
        refusal(Postgres.layer({ url: `${url}?sslmode=require` }))
      ])
      expect(wanted).toMatch(/the server has no TLS/)
      expect(refused).toBe(wanted)
      yield* providerOf(Postgres.layer({ url: `${url}?sslmode=require`, tls: false, table: freshTable() }))
    }).pipe(Effect.scoped)
  )

  it.live("a connection that lacks a password ends", () =>
    Effect.gen(function* () {
      const asking = (kind: number, rest: string) => {
        const message = Buffer.from(`R\0\0\0\0\0\0\0\0${rest}`)
        message.writeInt32BE(message.length - 1, 1)
        message.writeInt32BE(kind, 5)
        return message
      }
      const { received, url } = yield* Scripted.make((text, socket) =>
        socket.write(text.includes("user") ? asking(10, "SCRAM-SHA-256\0\0") : asking(11, "r=n,s=c2FsdA==,i=4096"))
      )
      expect(yield* refusal(Postgres.layer({ url: `postgres://session@${url}/session` }))).toContain(
        "asks for a password"
      )
      yield* Effect.sleep("100 millis")
      expect(received.map(({ isOpen }) => isOpen)).toEqual([false])
    }).pipe(Effect.scoped)
  )

  it.live("another server is said to be one", () =>
    Effect.gen(function* () {
      const { url } = yield* Scripted.make((_, socket) => socket.write("J\0\0\0\n5.5.5-10.11.6-MariaDB\0"))
      const message = yield* refusal(Postgres.layer({ url: `postgres://session@${url}/session` }))
      expect(message).toContain("(not an answer of PostgreSQL's): check the host and the port")
    }).pipe(Effect.scoped)
  )
})

suite("mysql", ["mariadbd"], () => {
  const server = shared(MariaDb.make())

  it.live("says what is wrong, and what mends it", () =>
    Effect.gen(function* () {
      const { adminUrl, url } = yield* server
      const admin = mysql(adminUrl)
      yield* execute(
        admin,
        "CREATE USER IF NOT EXISTS nobody@'%' IDENTIFIED BY 'secret'",
        "GRANT CREATE ON session.* TO nobody@'%'"
      )
      const [myisam, table] = [freshTable(), freshTable()]
      yield* Effect.scoped(
        Effect.andThen(providerOf(Mysql.layer({ url, table: myisam })), providerOf(Mysql.layer({ url, table })))
      )
      yield* execute(admin, `ALTER TABLE ${myisam} ENGINE=MyISAM`)
      const [wrongPassword, wrongDatabase, noRights, wrongEngine] = yield* Effect.all([
        refusal(Mysql.layer({ url: url.replace(":secret@", ":hunter2@") })),
        refusal(Mysql.layer({ url: url.replace(/session$/, "elsewhere") })),
        refusal(Mysql.layer({ url: url.replace("session:secret", "nobody:secret"), table })),
        refusal(Mysql.layer({ url, table: myisam }))
      ])
      expect(wrongPassword).toMatch(/^Unavailable: mysql: connect failed \(ER_ACCESS_DENIED_ERROR\): .*password/)
      expect(wrongPassword).not.toContain("hunter2")
      expect(wrongDatabase).toMatch(/\((ER_BAD_DB_ERROR|ER_DBACCESS_DENIED_ERROR)\): .*CREATE DATABASE/)
      expect(noRights).toMatch(/\(ER_TABLEACCESS_DENIED_ERROR\): .*GRANT SELECT, INSERT, UPDATE, DELETE/)
      expect(wrongEngine).toMatch(/^InvalidConfig: mysql: .*ALTER TABLE .* ENGINE=InnoDB/)
      yield* execute(admin, `ALTER TABLE ${table}_principals ENGINE=MyISAM`)
      expect(yield* refusal(Mysql.layer({ url, table }))).toContain(`ALTER TABLE ${table}_principals ENGINE=InnoDB`)
    }).pipe(Effect.scoped)
  )

  it.live("a user who may not create the table of people's records is told the SQL, and works once it was run", () =>
    Effect.gen(function* () {
      const { adminUrl, url } = yield* server
      const admin = mysql(adminUrl)
      const table = freshTable()
      yield* Effect.scoped(providerOf(Mysql.layer({ url, table })))
      yield* execute(
        admin,
        `DROP TABLE ${table}_principals`,
        `DELETE FROM ${table}_migrations WHERE step = 2`,
        "CREATE USER weak@'%' IDENTIFIED BY 'secret'",
        `GRANT SELECT, INSERT, UPDATE, DELETE ON session.${table} TO weak@'%'`,
        `GRANT SELECT ON session.${table}_migrations TO weak@'%'`
      )
      const weak = Mysql.layer({ url: url.replace("session:secret", "weak:secret"), table })
      const [words, sql] = (yield* refusal(weak)).split(" or run: ")
      expect(words).toMatch(
        /^Unavailable: mysql: migrate failed \(ER_TABLEACCESS_DENIED_ERROR\): .*GRANT SELECT, INSERT/
      )
      expect(sql).toMatch(/^CREATE TABLE IF NOT EXISTS `\w+_principals` \(/)
      yield* execute(admin, ...sql!.split(";").filter((text) => text.trim() !== ""))
      expect(yield* refusal(weak)).toMatch(/GRANT SELECT, INSERT, UPDATE, DELETE ON .*_principals/)
      yield* execute(admin, `GRANT SELECT, INSERT, UPDATE, DELETE ON session.${table}_principals TO weak@'%'`)
      yield* providerOf(weak)
    }).pipe(Effect.scoped)
  )

  it.live("the option tls counts, whatever the URL says", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const asked = `${url}?ssl={"rejectUnauthorized":true}`
      expect(yield* refusal(Mysql.layer({ url: asked }))).toMatch(/the server has no TLS/)
      yield* providerOf(Mysql.layer({ url: asked, tls: false, table: freshTable() }))
    }).pipe(Effect.scoped)
  )
})
