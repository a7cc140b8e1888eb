/**
 * `doctor` on a real MariaDB: a healthy one, and prepared faults, each named.
 */
import { SessionLayer } from "effect-session"
import { createConnection } from "mysql2/promise"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { expect, it } from "#test/vitest"
import { shared } from "../../provider/shared.js"
import * as Servers from "../../servers/MariaDb.js"
import { suite } from "../../servers/need.js"
import { examine, expectHealthy, troubles } from "./examine.js"

const run = (uri: string, ...statements: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const connection = await createConnection(uri)
    try {
      for (const statement of statements) await connection.query(statement)
    } finally {
      await connection.end()
    }
  })

suite("doctor on MariaDB", ["mariadbd", "mariadb-install-db"], () => {
  const server = shared(Servers.make())
  const on = (url: string, more: Readonly<Record<string, string>> = {}) =>
    examine({ SESSION_PROVIDER: "mysql", SESSION_URL: url, ...more })

  it.live("no tables, and a healthy server", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      expect(troubles(yield* on(url))).toEqual([expect.stringMatching(/^warning: there is no table effect_session/)])
      yield* Effect.scoped(Layer.build(SessionLayer.mysql({ url })))
      const findings = yield* on(url)
      expectHealthy(findings, 10)
      expect(findings.map(({ what }) => what)).toEqual(
        expect.arrayContaining([
          "a session was made, read, renewed, changed, given another id and ended",
          expect.stringMatching(/^the server is MariaDB 1\d/)
        ])
      )
    })
  )

  it.live("a user who may not delete, an index that was dropped, and an older step", () =>
    Effect.gen(function* () {
      const { adminUrl, port } = yield* server
      yield* run(
        adminUrl,
        "CREATE USER web@'%' IDENTIFIED BY 's3cret-web'",
        "GRANT SELECT, INSERT, UPDATE ON session.effect_session TO web@'%'",
        "GRANT SELECT ON session.effect_session_migrations TO web@'%'",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON session.effect_session_principals TO web@'%'",
        "DROP INDEX effect_session_expires_at ON effect_session",
        "DELETE FROM effect_session_migrations WHERE step = 2"
      )
      const found = troubles(yield* on(`mysql://web:s3cret-web@127.0.0.1:${port}/session`))
      yield* run(
        adminUrl,
        "CREATE INDEX effect_session_expires_at ON effect_session (expires_at)",
        "INSERT INTO effect_session_migrations VALUES (2)",
        "DROP USER web@'%'"
      )
      expect(found).toEqual([
        // A session that ends leaves its row as a mark: without DELETE, only what has expired stays.
        expect.stringMatching(/^warning: the tables are at step 1 of 2 of their migrations/),
        expect.stringMatching(/^wrong: the user lacks DELETE on effect_session: .*GRANT DELETE ON `effect_session`/),
        expect.stringMatching(/^warning: effect_session has no index on expires_at/)
      ])
    })
  )

  it.live("a server that is read-only, with hardly a connection, and a small packet", () =>
    Effect.gen(function* () {
      const { adminUrl, url } = yield* server
      yield* run(
        adminUrl,
        "SET GLOBAL read_only = 1",
        "SET GLOBAL max_connections = 10",
        "SET GLOBAL max_allowed_packet = 32768"
      )
      const held = yield* Effect.promise(() => Promise.all(Array.from({ length: 7 }, () => createConnection(url))))
      const found = troubles(yield* on(url))
      yield* Effect.promise(() => Promise.all(held.map((connection) => connection.end())))
      yield* run(
        adminUrl,
        "SET GLOBAL read_only = 0",
        "SET GLOBAL max_connections = 151",
        "SET GLOBAL max_allowed_packet = 16777216"
      )
      expect(found).toEqual([
        expect.stringMatching(/^wrong: no session can be kept, writes are refused/),
        expect.stringMatching(/^wrong: the server is read-only, as a replica is/),
        expect.stringMatching(/^warning: \d+ of the server's 10 connections are in use/),
        expect.stringMatching(/^wrong: max_allowed_packet is 32 KiB, and sessions may have 64 KiB/)
      ])
    })
  )

  it.live("a wrong password, and a database that is not there", () =>
    Effect.gen(function* () {
      const { adminUrl, url } = yield* server
      expect(troubles(yield* on(url.replace(":secret@", ":another@")))).toEqual([
        expect.stringMatching(/^wrong: cannot connect, the user or the password is refused/)
      ])
      expect(troubles(yield* on(`${adminUrl}s`))).toEqual([
        expect.stringMatching(/^wrong: cannot connect, there is no such database/)
      ])
    })
  )
})
