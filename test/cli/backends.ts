// The backends that the command reaches, each by the variables of an app that uses it.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { shared } from "../provider/shared.js"
import * as CouchbaseServer from "../servers/Couchbase.js"
import * as LedisServer from "../servers/Ledis.js"
import * as MariaDbServer from "../servers/MariaDb.js"
import * as MemcachedServer from "../servers/Memcached.js"
import { suiteBeside } from "../servers/need.js"
import * as PostgresServer from "../servers/Postgres.js"
import * as RedisServer from "../servers/Redis.js"
import * as SsdbServer from "../servers/Ssdb.js"
import type { Variables } from "./run.js"

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-cli-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

type Start = Effect.Effect<Variables, never, Scope.Scope>

const at = (server: Effect.Effect<{ readonly url: string }, never, Scope.Scope>): Start =>
  Effect.map(server, ({ url }) => ({ SESSION_URL: url }))

const backends: Readonly<Record<string, readonly [needs: ReadonlyArray<string>, Start]>> = {
  file: [[], Effect.map(folder, (SESSION_URL) => ({ SESSION_URL }))],
  sqlite: [[], Effect.map(folder, (folder) => ({ SESSION_URL: join(folder, "sessions.sqlite") }))],
  redis: [["redis-server"], at(RedisServer.single())],
  redisCluster: [["redis-server", "redis-cli"], at(RedisServer.cluster())],
  redisSentinel: [
    ["redis-server"],
    Effect.map(RedisServer.sentinel(), ({ masterName, url }) => ({
      SESSION_URL: url,
      SESSION_MASTER_NAME: masterName
    }))
  ],
  postgres: [["postgres"], at(PostgresServer.make())],
  mysql: [["mariadbd"], at(MariaDbServer.make())],
  memcached: [["memcached"], at(MemcachedServer.make())],
  couchbase: [
    [],
    Effect.map(CouchbaseServer.target(), (target) => ({ SESSION_URL: CouchbaseServer.sessionUrl(target) }))
  ],
  ledis: [["ledis-server"], at(LedisServer.make())],
  ssdb: [[], at(SsdbServer.make())]
}

/** Defines tests on each backend. `start` has a place of its own whenever the tests are run. */
export const onBackends = (tests: (variables: Effect.Effect<Variables>, name: string) => void): void => {
  for (const [name, [needs, start]] of Object.entries(backends)) {
    suiteBeside(name, needs, () => {
      const started = shared(start)
      tests(
        Effect.map(started, (variables) => ({ SESSION_PROVIDER: name, SESSION_COOKIE_SECURE: "false", ...variables })),
        name
      )
    })
  }
}
