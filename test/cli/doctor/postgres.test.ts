/**
 * `doctor` on a real PostgreSQL: a healthy one, and prepared faults, each named.
 */
import { SessionLayer } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { at } from "#test/clock"
import { expect, it } from "#test/vitest"
import { shared } from "../../provider/shared.js"
import { suite } from "../../servers/need.js"
import * as Servers from "../../servers/Postgres.js"
import { runToEnd } from "../../servers/Process.js"
import { examine, expectHealthy, troubles } from "./examine.js"

const run = (url: string, ...statements: ReadonlyArray<string>) =>
  Effect.promise(() =>
    runToEnd("psql", [
      ...["--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1", "-d", url],
      ...statements.flatMap((statement) => ["-c", statement])
    ])
  )

suite("doctor on PostgreSQL", ["postgres", "initdb", "psql"], () => {
  const server = shared(Servers.make())
  const on = (url: string, more: Readonly<Record<string, string>> = {}) =>
    examine({ SESSION_PROVIDER: "postgres", SESSION_URL: url, ...more })
  const there = Effect.flatMap(server, ({ url }) => on(url))
  /** What the app does when it starts: it makes the tables. */
  const appStarts = Effect.flatMap(server, ({ url }) => Effect.scoped(Layer.build(SessionLayer.postgres({ url }))))
  /** The troubles while an administrator has changed something. */
  const after = (change: ReadonlyArray<string>, back: ReadonlyArray<string>) =>
    Effect.flatMap(server, ({ adminUrl }) =>
      Effect.acquireUseRelease(
        run(adminUrl, ...change),
        () => Effect.map(there, troubles),
        () => run(adminUrl, ...back)
      )
    )

  it.live("no tables: they are not made, and the app is said to make them", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const missing = /there is no table effect_session, and none effect_session_principals/
      for (let time = 0; time < 2; time++) {
        expect(troubles(yield* on(url))).toEqual([expect.stringMatching(missing)])
      }
      expect(troubles(yield* on(url, { SESSION_SCHEMA: "absent" }))).toEqual([
        expect.stringMatching(/^wrong: there is no table .* the app cannot make it: .* there is no such schema/)
      ])
      expect(troubles(yield* on(url, { SESSION_MIGRATE: "false" }))).toEqual([
        expect.stringMatching(
          /^wrong: there is no table .* SESSION_MIGRATE is false: no session can be kept: run the SQL/
        )
      ])
    })
  )

  it.live("a healthy server", () =>
    Effect.gen(function* () {
      yield* appStarts
      const findings = yield* there
      expectHealthy(findings, 9)
      expect(findings.map(({ what }) => what)).toEqual(
        expect.arrayContaining([
          "a session was made, read, renewed, changed, given another id and ended",
          expect.stringMatching(/^the server is PostgreSQL \d+$/),
          "the tables are there, and up to date (step 2)",
          "the user may read and change the tables"
        ])
      )
    })
  )

  it.live("a wrong password, and a database that is not there", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      expect(troubles(yield* on(url.replace(":secret@", ":another@")))).toEqual([
        expect.stringMatching(/^wrong: cannot connect, the user or the password is refused: .*\(28P01\)/)
      ])
      expect(troubles(yield* on(`${url}s`))).toEqual([
        expect.stringMatching(/^wrong: cannot connect, there is no such database: .*\(3D000\)/)
      ])
    })
  )

  it.live("a user who may not delete", () =>
    Effect.gen(function* () {
      const { adminUrl, port } = yield* server
      yield* run(
        adminUrl,
        "CREATE ROLE web LOGIN PASSWORD 's3cret-web'",
        "GRANT SELECT, INSERT, UPDATE ON effect_session, effect_session_migrations TO web",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON effect_session_principals TO web"
      )
      const found = troubles(yield* on(`postgres://web:s3cret-web@127.0.0.1:${port}/session`))
      expect(found).toContain(
        'wrong: the user lacks DELETE on effect_session: as the table\'s owner: GRANT DELETE ON "effect_session" TO the user of SESSION_URL'
      )
    })
  )

  it.live("an index that was dropped", () =>
    Effect.gen(function* () {
      const found = yield* after(
        ["DROP INDEX effect_session_expires_at"],
        ["CREATE INDEX effect_session_expires_at ON effect_session (expires_at)"]
      )
      expect(found).toEqual([
        expect.stringMatching(/^warning: effect_session has no index on expires_at: .*CREATE INDEX/)
      ])
    })
  )

  it.live("an older step of the schema", () =>
    Effect.gen(function* () {
      const found = yield* after(
        ["DELETE FROM effect_session_migrations WHERE step = 2"],
        ["INSERT INTO effect_session_migrations VALUES (2)"]
      )
      expect(found).toEqual([
        "warning: the tables are at step 1 of 2 of their migrations: start the app, which takes the others"
      ])
    })
  )

  it.live("rows that nothing removes, and expiries that no option makes", () =>
    Effect.gen(function* () {
      const rows = (n: number, salt: string, expiry: string) =>
        `INSERT INTO effect_session SELECT sha256(('${salt}' || n)::bytea), 'x', 1, 0, ${expiry} FROM generate_series(1, ${n}) AS n`
      const now = "(DATE_PART('epoch', now()) * 1000)::bigint"
      const found = yield* after(
        [rows(120, "a", `${now} - 7200000`), rows(2, "b", "0"), rows(3, "c", `${now} * 2`)],
        ["DELETE FROM effect_session"]
      )
      expect(found).toEqual([
        expect.stringMatching(/^warning: 120 sessions expired more than 60 minutes ago .* nothing removes them.*gc/),
        expect.stringMatching(/^warning: 2 rows have the expiry 0/),
        expect.stringMatching(/^warning: 3 sessions end more than a day later than the options allow/)
      ])
    })
  )

  it.live("a user whose transactions are read-only", () =>
    Effect.gen(function* () {
      const found = yield* after(
        ["ALTER ROLE session SET default_transaction_read_only = on"],
        ["ALTER ROLE session RESET default_transaction_read_only"]
      )
      expect(found).toEqual([
        expect.stringMatching(/^wrong: no session can be kept, writes are refused: postgres: create failed \(25006\)/),
        expect.stringMatching(/^wrong: transactions are read-only for this user or database/)
      ])
    })
  )

  it.live("a clock that is off", () =>
    Effect.gen(function* () {
      expect(troubles(yield* at(() => Date.now() - 8_000_000)(there))).toEqual([
        expect.stringMatching(/^warning: the clock of the server is 2 hours ahead of this machine's: .*NTP/)
      ])
    })
  )
})
