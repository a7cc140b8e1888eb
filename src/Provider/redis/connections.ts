/**
 * Connections to Redis: to one server, to a cluster, or to the master that sentinels name. Each fails with
 * `Unavailable` if there is no connection, and with `InvalidConfig` if an option is wrong.
 */
import type { Cluster, ClusterOptions, Redis, RedisOptions } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import type { SessionError } from "../../SessionError.js"
import { addresses, boundedClusterOptions, boundedOptions, connected, server } from "./ioredis.js"

type Connection<C> = Effect.Effect<C, SessionError, Scope.Scope>

interface Server {
  readonly url?: string | Redacted.Redacted | undefined
  readonly options?: RedisOptions | undefined
}

export const single = (
  { options, url = "redis://127.0.0.1:6379" }: Server,
  timeout: Duration.Duration
): Connection<Redis> => server("redis", timeout, url, 6379, options)

export const cluster = (
  { options, url }: { readonly url: string | Redacted.Redacted; readonly options?: ClusterOptions | undefined },
  timeout: Duration.Duration
): Connection<Cluster> =>
  Effect.flatMap(addresses("url", url, 6379), (nodes) =>
    connected("redisCluster", timeout, ({ Cluster }) => {
      const { host: _host, port: _port, ...shared } = nodes[0]!
      const { redisOptions, ...rest } = options ?? {}
      return new Cluster(
        nodes.map(({ host, port }) => ({ host, port })),
        {
          ...boundedClusterOptions(timeout, { ...boundedOptions(timeout), ...shared, ...redisOptions }),
          ...rest,
          lazyConnect: true
        }
      )
    })
  )

export const sentinel = (
  { masterName, options, url }: Server & { readonly url: string | Redacted.Redacted; readonly masterName: string },
  timeout: Duration.Duration
): Connection<Redis> =>
  Effect.flatMap(addresses("url", url, 26379), (sentinels) =>
    connected("redisSentinel", timeout, ({ Redis }) => {
      const { host: _host, port: _port, ...shared } = sentinels[0]!
      return new Redis({
        ...boundedOptions(timeout),
        sentinels: sentinels.map(({ host, port }) => ({ host, port })),
        name: masterName,
        sentinelCommandTimeout: Duration.toMillis(timeout),
        sentinelRetryStrategy: (attempt) => Math.min(attempt * 50, 500),
        // A sentinel disconnects the clients of a master that it demotes. A client that was missed notices the demotion
        // here.
        reconnectOnError: (error) => error.message.startsWith("READONLY"),
        ...shared,
        ...options,
        lazyConnect: true
      })
    })
  )
