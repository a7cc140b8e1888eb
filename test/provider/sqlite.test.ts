// SQLite: what all databases do, and what a file does.
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Sql from "effect-session/sql"
import * as Sqlite from "effect-session/sqlite"
import { describe } from "vitest"
import * as Context from "#effect/Context"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as SqlClient from "#effect/sql/SqlClient"
import { at } from "#test/clock"
import { expect, it } from "#test/vitest"
import { failed } from "../../src/Provider/sql/failures.js"
import { given, newId, text, written } from "../../src/testing/support.js"
import { shared } from "./shared.js"
import { freshTable, sqlite } from "./sqlDatabases.js"
import { databaseCases, providerOf } from "./sqlSuite.js"

const day = Duration.days(1)

it("the SQL in the docs is that of ddl", () => {
  const page = readFileSync(new URL("../../docs/format.md", import.meta.url), "utf8")
  for (const dialect of ["postgres", "mysql", "sqlite"] as const) {
    expect(page).toContain(`\`\`\`sql\n${Sql.ddl(dialect)}\`\`\`\n`)
  }
})

it.each([
  ["version 12", new Error("Could not locate the bindings file. Tried:\n → /app/node_modules/better-sqlite3/build")],
  ["version 13", Object.assign(new Error("Cannot find module 'better_sqlite3.node'"), { code: "MODULE_NOT_FOUND" })],
  ["another Node's", Object.assign(new Error("NODE_MODULE_VERSION 115"), { code: "ERR_DLOPEN_FAILED" })]
])("a driver whose install script did not run, %s: the error says what to run", (_, cause) => {
  expect(failed("sqlite", "connect", cause).message).toMatch(/^sqlite: connect failed \(.*\): .*approve-builds/)
})

describe("sqlite", () => {
  const database = shared(sqlite)
  databaseCases(database, { isServer: false })

  /** The app's client, and sessions on it. */
  const onTheAppsClient = Effect.gen(function* () {
    const app = yield* Layer.build((yield* database).client())
    const provider = yield* providerOf(Layer.provide(Sql.layer({ table: freshTable() }), Layer.succeedContext(app)))
    return { provider, sql: Context.get(app, SqlClient.SqlClient) }
  })

  it.live("inside the app's transaction on the only connection a session is refused, at once", () =>
    Effect.gen(function* () {
      const { provider, sql } = yield* onTheAppsClient
      const { id, revision } = yield* given(provider, "kept")
      const errors = yield* sql.withTransaction(
        Effect.all([
          Effect.flip(provider.write(id, Buffer.from("joined"), day, revision)),
          Effect.flip(provider.read(id)),
          Effect.flip(provider.gc!)
        ])
      )
      expect(errors.map(({ reason }) => reason)).toEqual(["Unsupported", "Unsupported", "Unsupported"])
      expect(text(yield* provider.read(id))).toBe("kept")
    }).pipe(Effect.scoped)
  )

  it.live("a session waits for another request's transaction, and is not part of it", () =>
    Effect.gen(function* () {
      const { provider, sql } = yield* onTheAppsClient
      const { id, revision } = yield* given(provider, "before")
      const other = yield* Effect.sleep(200).pipe(
        Effect.andThen(Effect.fail("rollback")),
        sql.withTransaction,
        Effect.flip,
        Effect.forkChild
      )
      yield* Effect.sleep(50)
      written(yield* provider.write(id, Buffer.from("after"), day, revision))
      expect(yield* Fiber.join(other)).toBe("rollback")
      expect(text(yield* provider.read(id))).toBe("after")
    }).pipe(Effect.scoped)
  )

  it.live(
    "a file that another process writes to: writes wait without stopping this process, then fail; reads go on",
    () =>
      Effect.gen(function* () {
        const { client, layer } = yield* database
        const provider = yield* providerOf(layer({ table: freshTable() }))
        const sql = Context.get(yield* Layer.build(client()), SqlClient.SqlClient)
        const { id, revision } = yield* given(provider, "kept")
        yield* sql.unsafe("BEGIN IMMEDIATE")
        let ticks = 0
        const ticking = setInterval(() => ticks++, 10)
        const [took, error] = yield* Effect.timed(Effect.flip(provider.write(id, Buffer.from("x"), day, revision)))
        clearInterval(ticking)
        expect(error.reason).toBe("Unavailable")
        expect(error.message).toContain("SQLITE_BUSY")
        expect(Duration.toMillis(took)).toBeLessThan(3000)
        expect(ticks).toBeGreaterThan(10)
        expect(text(yield* provider.read(id))).toBe("kept")
        // And one that is done in time costs a wait alone.
        const waiting = yield* Effect.forkChild(provider.write(id, Buffer.from("waited"), day, revision))
        yield* Effect.sleep(100)
        yield* sql.unsafe("ROLLBACK")
        written(yield* Fiber.join(waiting))
      }).pipe(Effect.scoped)
  )

  it.live("a full disk: an error, nothing lost, and well again when there is room", () =>
    Effect.gen(function* () {
      const { provider, sql } = yield* onTheAppsClient
      const { id, revision } = yield* given(provider, "kept")
      // The pages that other tests left free would hold it.
      yield* sql.unsafe("VACUUM")
      const [{ page_count: pages }] = (yield* sql.unsafe("PRAGMA page_count").withoutTransform) as [
        { readonly page_count: number }
      ]
      yield* sql.unsafe(`PRAGMA max_page_count = ${pages + 4}`)
      const large = Buffer.alloc(1024 * 1024)
      const full = yield* Effect.flip(provider.write(id, large, day, revision))
      expect(full.reason).toBe("Unavailable")
      expect(full.message).toContain("SQLITE_FULL")
      expect(text(yield* provider.read(id))).toBe("kept")
      yield* sql.unsafe("PRAGMA max_page_count = 1000000")
      written(yield* provider.write(id, large, day, revision))
    }).pipe(Effect.scoped)
  )

  it.live("a read-only database: reads go on, writes fail", () =>
    Effect.gen(function* () {
      const { provider, sql } = yield* onTheAppsClient
      const { id, revision } = yield* given(provider, "kept")
      yield* sql.unsafe("PRAGMA query_only = ON")
      expect((yield* Effect.flip(provider.write(id, Buffer.from("x"), day, revision))).message).toContain(
        "SQLITE_READONLY"
      )
      expect(text(yield* provider.read(id))).toBe("kept")
    }).pipe(Effect.scoped)
  )

  it.live("a file that cannot be opened, or is no database: a clear error", () =>
    Effect.gen(function* () {
      const { url } = yield* database
      const missing = yield* Effect.flip(
        providerOf(Sqlite.layer({ filename: join(dirname(url), "no", "such.sqlite") }))
      )
      expect(missing.message).toBe(
        "sqlite: connect failed (ENOENT): there is no such file or directory: create it, or correct its name"
      )
      const url2 = yield* Effect.flip(providerOf(Sqlite.layer({ filename: "postgres://ada:hunter2@localhost/app" })))
      expect(url2.reason).toBe("InvalidConfig")
      expect(url2.message).not.toContain("hunter2")
      const other = join(dirname(url), "other.txt")
      writeFileSync(other, "not a database, but long enough to be read as one. ".repeat(20))
      const wrong = yield* Effect.flip(providerOf(Sqlite.layer({ filename: other })))
      expect(wrong.reason).toBe("Unavailable")
      expect(wrong.message).toContain("SQLITE_NOTADB")
    }).pipe(Effect.scoped)
  )

  it.live("its files are for its user only", () =>
    Effect.gen(function* () {
      const { url } = yield* database
      const filename = join(dirname(url), "modes.sqlite")
      yield* given(yield* providerOf(Sqlite.layer({ filename })), "kept")
      expect(["", "-wal", "-shm"].map((end) => statSync(filename + end).mode & 0o777)).toEqual([0o600, 0o600, 0o600])
    }).pipe(Effect.scoped)
  )

  it.live.each(["\n", " "])("a name with %j at its end, which the driver would leave out, is refused", (end) =>
    Effect.gen(function* () {
      const { url } = yield* database
      const filename = join(dirname(url), "trimmed.sqlite")
      const { message, reason } = yield* Effect.flip(providerOf(Sqlite.layer({ filename: filename + end })))
      expect(`${reason}: ${message}`).toMatch(/^InvalidConfig: filename: expected the path of a file, without /)
      expect([filename, filename + end].map((name) => existsSync(name))).toEqual([false, false])
    }).pipe(Effect.scoped)
  )

  it.live("a file that another takes the place of is opened again, and one that is removed is made again", () =>
    Effect.gen(function* () {
      const { url } = yield* database
      const [filename, backup] = ["now.sqlite", "backup.sqlite"].map((name) => join(dirname(url), name))
      const { id } = yield* Effect.scoped(
        Effect.flatMap(providerOf(Sqlite.layer({ filename: backup! })), (provider) => given(provider, "of the backup"))
      )
      const provider = yield* providerOf(Sqlite.layer({ filename: filename! }))
      const before = yield* given(provider, "before")
      renameSync(backup!, filename!)
      yield* Effect.sleep(1_100)
      expect(text(yield* provider.read(id))).toBe("of the backup")
      expect(text(yield* provider.read(before.id))).toBeUndefined()
      for (const end of ["", "-wal", "-shm"]) {
        rmSync(filename! + end, { force: true })
      }
      yield* Effect.sleep(1_100)
      const made = yield* given(provider, "made again")
      const other = yield* providerOf(Sqlite.layer({ filename: filename! }))
      expect(text(yield* other.read(made.id))).toBe("made again")
      expect(text(yield* provider.read(id))).toBeUndefined()
    }).pipe(Effect.scoped)
  )

  it.live("a clock that was a day ahead has deleted nobody's session", () =>
    Effect.gen(function* () {
      const provider = yield* providerOf((yield* database).layer({ table: freshTable() }))
      const { id } = yield* given(provider, "kept", "30 minutes")
      expect(yield* at(() => Date.now() + Duration.toMillis(day))(provider.gc!)).toBe(0)
      expect(text(yield* provider.read(id))).toBe("kept")
    }).pipe(Effect.scoped)
  )

  it.live("`:memory:` ends with the layer", () =>
    Effect.gen(function* () {
      const layer = Sqlite.layer({ filename: ":memory:" })
      const id = newId()
      const provider = yield* Effect.scoped(
        Effect.tap(providerOf(layer), (provider) => provider.create(id, Buffer.from("x"), day))
      )
      expect((yield* Effect.flip(provider.read(id))).reason).toBe("Unavailable")
      expect(Option.isNone(yield* Effect.flatMap(providerOf(layer), (again) => again.read(id)))).toBe(true)
    }).pipe(Effect.scoped)
  )
})
