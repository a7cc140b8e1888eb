/**
 * The demo on each key-value server, chosen by the environment alone: no visit is lost, in one server of it or in two.
 */
import { SessionLayer } from "effect-session"
import { describe } from "vitest"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as NodeHttpServer from "#test/NodeHttpServer"
import { expect, it } from "#test/vitest"
import * as CouchbaseServer from "../servers/Couchbase.js"
import * as LedisServer from "../servers/Ledis.js"
import * as MemcachedServer from "../servers/Memcached.js"
import { suite } from "../servers/need.js"
import * as Servers from "../servers/Redis.js"
import * as SsdbServer from "../servers/Ssdb.js"
import { demoServer } from "../support/demo.js"
import { client } from "../support/http.js"
import { shared } from "./shared.js"

const demo = (variables: Readonly<Record<string, string>>) =>
  Effect.flatMap(
    Layer.build(
      Layer.provideMerge(demoServer, Layer.merge(NodeHttpServer.layerTest, SessionLayer.fromConfig())).pipe(
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables)))
      )
    ),
    client
  )

const countsAll = (variables: Effect.Effect<Readonly<Record<string, string>>>) =>
  it.live(
    "200 visits at once count 200, and 200 more on two servers 400",
    () =>
      Effect.gen(function* () {
        const environment = { ...(yield* variables), SESSION_COOKIE_SECURE: "false", SESSION_TIMEOUT: "1 minute" }
        const one = yield* demo(environment)
        const two = yield* demo(environment)
        const { cookie } = yield* one.send("/visits", { method: "POST" })
        const visit = (server: typeof one) => server.as(cookie)("/visits", { method: "POST" })
        const at = (servers: ReadonlyArray<typeof one>) =>
          Effect.all(
            Array.from({ length: 200 }, (_, i) => visit(servers[i % servers.length]!)),
            { concurrency: "unbounded" }
          )
        for (const servers of [[one], [one, two]]) {
          const answers = yield* at(servers)
          expect(answers.filter(({ status }) => status !== 200)).toEqual([])
        }
        expect(JSON.parse((yield* visit(two)).body).visits).toBe(1 + 400 + 1)
      }).pipe(Effect.scoped),
    60_000
  )

suite("redis", ["redis-server"], () => {
  countsAll(Effect.map(shared(Servers.single()), ({ url }) => ({ SESSION_PROVIDER: "redis", SESSION_URL: url })))
})

suite("redisCluster", ["redis-server", "redis-cli"], () => {
  countsAll(
    Effect.map(shared(Servers.cluster()), ({ url }) => ({ SESSION_PROVIDER: "redisCluster", SESSION_URL: url }))
  )
})

suite("redisSentinel", ["redis-server"], () => {
  countsAll(
    Effect.map(shared(Servers.sentinel()), ({ masterName, url }) => ({
      SESSION_PROVIDER: "redisSentinel",
      SESSION_URL: url,
      SESSION_MASTER_NAME: masterName,
      SESSION_MIN_REPLICAS: "1"
    }))
  )
})

suite("ledis", ["ledis-server"], () => {
  countsAll(Effect.map(shared(LedisServer.make()), ({ url }) => ({ SESSION_PROVIDER: "ledis", SESSION_URL: url })))
})

describe("ssdb", () => {
  countsAll(Effect.map(shared(SsdbServer.make()), ({ url }) => ({ SESSION_PROVIDER: "ssdb", SESSION_URL: url })))
})

suite("memcached", ["memcached"], () => {
  countsAll(
    Effect.map(shared(MemcachedServer.make()), ({ url }) => ({ SESSION_PROVIDER: "memcached", SESSION_URL: url }))
  )
})

suite("memcached, three servers", ["memcached"], () => {
  const servers = shared(Effect.all([MemcachedServer.make(), MemcachedServer.make(), MemcachedServer.make()]))
  countsAll(
    Effect.map(servers, (all) => ({
      SESSION_PROVIDER: "memcached",
      SESSION_URL: all.map(({ url }) => url).join(",")
    }))
  )
})

describe("couchbase", () => {
  countsAll(
    Effect.map(shared(CouchbaseServer.target()), (target) => ({
      SESSION_PROVIDER: "couchbase",
      SESSION_URL: CouchbaseServer.sessionUrl(target),
      SESSION_DURABILITY: "majority"
    }))
  )
})
