/**
 * Redis Cluster and Redis Sentinel: conformance.
 */
import * as Redis from "effect-session/redis"
import * as Effect from "#effect/Effect"
import { suite } from "../servers/need.js"
import * as Servers from "../servers/Redis.js"
import { conforms } from "./conforms.js"
import { shared } from "./shared.js"

suite("redisCluster", ["redis-server", "redis-cli"], () => {
  conforms(
    Effect.map(shared(Servers.cluster()), ({ url }) => Redis.layerCluster({ url })),
    { inheritedIdChars: 3 },
    true,
    true,
    true
  )
})

suite("redisSentinel", ["redis-server"], () => {
  const servers = shared(Servers.sentinel())
  conforms(
    Effect.map(servers, ({ masterName, url }) => Redis.layerSentinel({ url, masterName, minReplicas: 1 })),
    { answersWithin: 4000 },
    true,
    true,
    true
  )
})
