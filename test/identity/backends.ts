// The backends that every test of a changing identity runs on.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SessionError, SessionProvider } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Couchbase from "effect-session/couchbase"
import * as File from "effect-session/file"
import * as Ledis from "effect-session/ledis"
import * as Memcached from "effect-session/memcached"
import * as Memory from "effect-session/memory"
import * as Mysql from "effect-session/mysql"
import * as Postgres from "effect-session/postgres"
import * as Redis from "effect-session/redis"
import * as Sqlite from "effect-session/sqlite"
import * as Ssdb from "effect-session/ssdb"
import * as Effect from "#effect/Effect"
import type * as Layer from "#effect/Layer"
import type * as Scope from "#effect/Scope"
import { shared } from "../provider/shared.js"
import * as CouchbaseServer from "../servers/Couchbase.js"
import * as LedisServer from "../servers/Ledis.js"
import * as MariaDbServer from "../servers/MariaDb.js"
import * as MemcachedServer from "../servers/Memcached.js"
import { suite } from "../servers/need.js"
import * as PostgresServer from "../servers/Postgres.js"
import * as RedisServer from "../servers/Redis.js"
import * as SsdbServer from "../servers/Ssdb.js"
import { key } from "../support/cookies.js"

export type ProviderLayer = Layer.Layer<SessionProvider.SessionProvider, SessionError>
export type Kept = ProviderLayer | Layer.Layer<Cookie.SealedSessions, SessionError>

interface Definition<L> {
  readonly name: string
  readonly needs: ReadonlyArray<string>
  /** Starts the server, if there is one. */
  readonly start: Effect.Effect<L, never, Scope.Scope>
}

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-identity-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const define = <L>(
  name: string,
  needs: ReadonlyArray<string>,
  start: Effect.Effect<L, never, Scope.Scope>
): Definition<L> => ({ name, needs, start })

const local: ReadonlyArray<Definition<ProviderLayer>> = [
  define(
    "memory",
    [],
    Effect.sync(() => Memory.layer())
  ),
  define(
    "file",
    [],
    Effect.map(folder, (directory) => File.layer({ directory }))
  ),
  define(
    "sqlite",
    [],
    Effect.map(folder, (folder) => Sqlite.layer({ filename: join(folder, "sessions.sqlite") }))
  )
]

const remote: ReadonlyArray<Definition<ProviderLayer>> = [
  define(
    "redis",
    ["redis-server"],
    Effect.map(RedisServer.single(), ({ url }) => Redis.layer({ url }))
  ),
  define(
    "postgres",
    ["postgres"],
    Effect.map(PostgresServer.make(), ({ url }) => Postgres.layer({ url }))
  ),
  define(
    "memcached",
    ["memcached"],
    Effect.map(MemcachedServer.make(), ({ url }) => Memcached.layer({ url }))
  )
]

const others: ReadonlyArray<Definition<ProviderLayer>> = [
  define(
    "mysql",
    ["mariadbd"],
    Effect.map(MariaDbServer.make(), ({ url }) => Mysql.layer({ url }))
  ),
  define(
    "couchbase",
    [],
    Effect.map(CouchbaseServer.target(), (target) => Couchbase.layer({ url: CouchbaseServer.sessionUrl(target) }))
  ),
  define(
    "ledis",
    ["ledis-server"],
    Effect.map(LedisServer.make(), ({ url }) => Ledis.layer({ url }))
  ),
  define(
    "ssdb",
    [],
    Effect.map(SsdbServer.make(), ({ url }) => Ssdb.layer({ url, timeout: "10 seconds" }))
  )
]

const suiteOn = <L>({ name, needs, start }: Definition<L>, tests: (kept: Effect.Effect<L>, name: string) => void) =>
  suite(name, needs, () => tests(shared(start), name))

type ServerTests = (kept: Effect.Effect<ProviderLayer>, isMain: boolean, name: string) => void

/** Defines tests on backends of this machine's memory and disk. */
export const onLocal = (tests: ServerTests): void => {
  for (const backend of local) {
    suiteOn(backend, (kept, name) => tests(kept, true, name))
  }
}

/** Defines tests on backends that are servers; `isMain` says that it is one of those for heavy tests. */
export const onRemote = (tests: ServerTests): void => {
  for (const backend of remote) {
    suiteOn(backend, (kept, name) => tests(kept, true, name))
  }
  for (const backend of others) {
    suiteOn(backend, (kept, name) => tests(kept, false, name))
  }
}

/** Defines tests on each backend that is a provider. */
export const onServers = (tests: ServerTests): void => {
  onLocal(tests)
  onRemote(tests)
}

/** Defines tests on sessions that clients hold. */
export const onCookies = (tests: (kept: Effect.Effect<Kept>, name: string) => void): void => {
  suiteOn(
    define(
      "sealed cookies",
      [],
      Effect.sync(() => Cookie.layer({ keys: [key()] }))
    ),
    tests
  )
  suiteOn(
    define(
      "sealed cookies with revocations",
      [],
      Effect.sync(() => Cookie.layer({ keys: [key()], revocations: Memory.layer() }))
    ),
    tests
  )
}
