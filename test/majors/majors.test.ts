/**
 * A session that a process on one version of Effect has stored is read, changed and ended by a process on the other,
 * while both run.
 */
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { describe, expect, it } from "#test/vitest"
import * as effect3 from "../../effect3/test/bundling.js"
import * as effect4 from "../../effect4/test/bundling.js"
import { shared } from "../provider/shared.js"
import * as MariaDb from "../servers/MariaDb.js"
import { suite } from "../servers/need.js"
import * as Postgres from "../servers/Postgres.js"
import * as Redis from "../servers/Redis.js"
import { type Ask, start } from "./process.js"
import { values } from "./values.js"

const kept = inspect(Object.values(values), { depth: 9 })
const nothing = inspect(Object.values(values).map(() => undefined))

type Variables = Readonly<Record<string, string>>

/** `counts` is whether no change is lost where several are made at once. */
const bothWays = (variables: Effect.Effect<Variables, never, Scope.Scope>, counts = true) => {
  const processes = shared(
    Effect.flatMap(variables, (variables) => Effect.all([start(effect3, variables), start(effect4, variables)]))
  )

  const passes = (way: string, between: Effect.Effect<readonly [writer: Ask, reader: Ask]>) =>
    it.live(way, () =>
      Effect.gen(function* () {
        const [writer, reader] = yield* between
        const { cookie: first, status } = yield* writer("write")
        expect(status).toBe(200)
        expect((yield* reader("read", first)).body).toBe(kept)
        let cookie = first
        if (counts) {
          yield* Effect.all(
            Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? writer : reader)("count", cookie)),
            { concurrency: "unbounded" }
          )
          expect((yield* writer("visits", cookie)).body).toBe("40")
        } else {
          cookie = (yield* reader("count", cookie)).cookie
          cookie = (yield* writer("count", cookie)).cookie
          expect((yield* reader("visits", cookie)).body).toBe("2")
        }
        const { cookie: next } = yield* reader("regenerate", cookie)
        expect(next).not.toBe(cookie)
        expect((yield* writer("read", next)).body).toBe(kept)
        expect((yield* writer("read", cookie)).body).toBe(nothing)
        yield* reader("destroy", next)
        expect((yield* writer("read", next)).body).toBe(nothing)
      })
    )

  passes("from Effect 3 to Effect 4", processes)
  passes(
    "from Effect 4 to Effect 3",
    Effect.map(processes, ([on3, on4]) => [on4, on3] as const)
  )
}

const redis = Effect.map(Redis.single(), ({ url }) => ({ SESSION_PROVIDER: "redis", SESSION_URL: url }))

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-majors-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

suite("in Redis", ["redis-server"], () => bothWays(redis))

suite("in cookies that Redis can revoke", ["redis-server"], () =>
  bothWays(
    Effect.map(redis, (variables) => ({
      ...variables,
      SESSION_PROVIDER: "cookie",
      SESSION_REVOCATIONS: "redis",
      SESSION_KEYS: randomBytes(32).toString("base64url")
    })),
    false
  )
)

suite("in PostgreSQL", ["postgres"], () =>
  bothWays(Effect.map(Postgres.make(), ({ url }) => ({ SESSION_PROVIDER: "postgres", SESSION_URL: url })))
)

suite("in MariaDB", ["mariadbd"], () =>
  bothWays(Effect.map(MariaDb.make(), ({ url }) => ({ SESSION_PROVIDER: "mysql", SESSION_URL: url })))
)

describe("in SQLite", () =>
  bothWays(Effect.map(folder, (folder) => ({ SESSION_PROVIDER: "sqlite", SESSION_URL: join(folder, "sessions.db") }))))

describe("in files", () => bothWays(Effect.map(folder, (url) => ({ SESSION_PROVIDER: "file", SESSION_URL: url }))))
