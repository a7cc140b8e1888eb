/**
 * A SQLite file of the provider's own, on better-sqlite3 itself: the bookkeeping of a client would take as long as its
 * statements, which never wait. All calls are synchronous, on one connection that nothing else uses.
 */
import { closeSync, openSync, statSync } from "node:fs"
import type { Database } from "better-sqlite3"
import type { SqlFailure } from "#dialect/sql"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { codeOf } from "../../internal/codeOf.js"
import type { SessionError } from "../../SessionError.js"
import { driver } from "../internal/driver.js"
import { type Access, SqlError, type Unsafe } from "./access.js"
import { afterFailure, type Connections, firstBy, type Result, type Row, type Run, toResult } from "./connection.js"

const trying = <A>(f: () => A): Effect.Effect<A, SqlFailure> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(f())
    } catch (cause) {
      return Effect.fail(new SqlError({ cause }))
    }
  })

/** Opens the file. If it is not there, it is made for this user only, and so are the files that SQLite puts beside it. */
const openFile = (Sqlite: typeof import("better-sqlite3"), filename: string): Database => {
  if (filename !== memory) {
    try {
      closeSync(openSync(filename, "ax", 0o600))
    } catch (cause) {
      // If it is there, it is left alone: to close it once more would end the locks of this process on it.
      if (codeOf(cause) !== "EEXIST") {
        throw cause
      }
    }
  }
  const database = new Sqlite(filename)
  database.pragma("journal_mode = WAL")
  // While waiting for a lock, the driver blocks the whole process; the provider tries again by itself.
  database.pragma("busy_timeout = 0")
  // With the write-ahead log, a crash of the process loses nothing, and a crash of the machine only the most recent
  // writes.
  database.pragma("synchronous = NORMAL")
  return database
}

const memory = ":memory:"

/** What tells a file from another of the same name. */
const identityOf = (filename: string): string | undefined => {
  const stat = filename === memory ? undefined : statSync(filename, { throwIfNoEntry: false })
  return stat && `${stat.dev}:${stat.ino}`
}

/** How often it is looked whether the file is still the one that is open, in milliseconds. */
const lookEvery = 1_000

/** A file that is open, and is opened again if another takes its place. */
class OpenFile {
  database: Database
  private readonly prepared = new Map<string, ReturnType<OpenFile["prepare"]>>()
  private identity: string | undefined
  private looked = performance.now()
  private isEnded = false

  /** @param script Defines the table in a file that takes the place of another. */
  constructor(
    private readonly Sqlite: typeof import("better-sqlite3"),
    private readonly filename: string,
    private readonly script: string
  ) {
    this.database = openFile(Sqlite, filename)
    this.identity = identityOf(filename)
  }

  /** A statement, prepared. */
  of(text: string): ReturnType<OpenFile["prepare"]> {
    const now = performance.now()
    if (!this.isEnded && (now - this.looked > lookEvery || !this.database.open)) {
      this.looked = now
      if (!this.database.inTransaction && identityOf(this.filename) !== this.identity) {
        this.reopen()
      }
    }
    return this.prepared.get(text) ?? this.prepare(text)
  }

  end(): void {
    this.isEnded = true
    this.database.close()
  }

  private prepare(text: string) {
    const statement = this.database.prepare<Array<unknown>, Row>(text)
    const execute = statement.reader
      ? (params: ReadonlyArray<unknown>) => statement.all(params)
      : (params: ReadonlyArray<unknown>) => statement.run(params)
    const made = { statement, execute }
    this.prepared.set(text, made)
    return made
  }

  private reopen(): void {
    this.prepared.clear()
    if (this.database.open) {
      try {
        // What its log still holds is not for the file that has its name now.
        this.database.pragma("wal_checkpoint(TRUNCATE)")
      } finally {
        this.database.close()
      }
    }
    this.database = openFile(this.Sqlite, this.filename)
    this.database.exec(this.script)
    this.identity = identityOf(this.filename)
  }
}

const sqlite = driver("sqlite", "better-sqlite3")

/**
 * Opens the file, and closes it with the scope. Fails with `InvalidConfig` if the driver is missing.
 *
 * @param script Defines the table in a file that takes the place of this one.
 */
export const open = (filename: string, script: string): Effect.Effect<Access, SqlFailure | SessionError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.flatMap(sqlite, ({ default: Sqlite }) => trying(() => new OpenFile(Sqlite, filename, script))),
      (file) => Effect.sync(() => file.end())
    ),
    (file) => {
      const attempt = (
        statement: string,
        params: ReadonlyArray<unknown>,
        n: number
      ): Effect.Effect<Result, unknown> => {
        try {
          return Effect.succeed(toResult(file.of(statement).execute(params)))
        } catch (cause) {
          return afterFailure(cause, n, () => attempt(statement, params, n + 1))
        }
      }
      const run: Run = (statement, params) => Effect.suspend(() => attempt(statement, params, 1))
      const first: Connections["first"] = (statement, answer) => {
        const again = firstBy(run)(statement, answer)
        return (params, now) => {
          try {
            return Effect.succeed(answer(file.of(statement).statement.get(params), now))
          } catch {
            return again(params, now)
          }
        }
      }
      const unsafe: Unsafe = (text) => trying(() => once(file.database, text))
      return {
        dialect: "sqlite",
        longestRow: Number.POSITIVE_INFINITY,
        unsafe,
        transaction: (use) =>
          Effect.acquireUseRelease(
            unsafe("BEGIN IMMEDIATE"),
            () => Effect.tap(use(unsafe), unsafe("COMMIT")),
            () => Effect.suspend(() => (file.database.inTransaction ? Effect.orDie(unsafe("ROLLBACK")) : Effect.void))
          ),
        outside: (effect) => effect,
        connect: Effect.succeed({
          dialect: "sqlite",
          pooled: false,
          statement: (text) => text,
          run,
          write: run,
          first,
          reserve: (use) => use(run)
        })
      }
    }
  )

/** Runs a statement that defines the table, and is needed only once. */
const once = (database: Database, text: string): ReadonlyArray<Record<string, unknown>> => {
  const statement = database.prepare<[], Record<string, unknown>>(text)
  if (statement.reader) {
    return statement.all()
  }
  statement.run()
  return []
}
