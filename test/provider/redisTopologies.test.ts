/**
 * Redis Cluster and Redis Sentinel: conformance.
 */
import * as Redis from "effect-session/redis"
import * as Effect from "#effect/Effect"
import { suite } from "../servers/need.js"
import * as Servers from "../servers/Redis.js"
import { conforms } from "./conforms.js"
import { shared } from "./shared.js"

/** Many cases connect at once. */
const timeout = "20 seconds"

suite("redisCluster", ["redis-server", "redis-cli"], () => {
  conforms(
    Effect.map(shared(Servers.cluster()), ({ url }) => Redis.layerCluster({ url, timeout })),
    { inheritedIdChars: 3 },
    true,
    true,
    true
  )
})

suite("redisSentinel", ["redis-server"], () => {
  const servers = shared(Servers.sentinel())
  conforms(
    Effect.map(servers, ({ masterName, url }) => Redis.layerSentinel({ url, masterName, minReplicas: 1, timeout })),
    { answersWithin: 40_000 },
    true,
    true,
    true
  )
})
