/**
 * Connections to Redis: to one server, to a cluster, or to the master that sentinels name. Each fails with
 * `Unavailable` if there is no connection, and with `InvalidConfig` if an option is wrong. `isPatient` is for calls that
 * cannot be made again.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Cluster, ClusterOptions, Redis, RedisOptions } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import { SessionError } from "../../SessionError.js"
import { plain } from "../internal/environment.js"
import { addresses } from "./addresses.js"
import { isReply } from "./failures.js"
import { boundedClusterOptions, boundedOptions, connected, mended, server } from "./ioredis.js"
import type { Link } from "./link.js"
import type { SentinelLogin } from "./sentinel.js"

type Connection<C extends Redis | Cluster> = Effect.Effect<Link<C>, SessionError, Scope.Scope>

type Secret = string | Redacted.Redacted

interface Server {
  readonly url?: Secret | undefined
  readonly options?: RedisOptions | undefined
}

const invalid = (message: string): SessionError => new SessionError({ reason: "InvalidConfig", message })

/** Refuses a server that is something else than sessions can be kept in. */
const checkKind = async (client: Redis): Promise<void> => {
  const info = await client.info("server").catch((cause) => {
    // Where INFO is forbidden, the first call has to find out.
    if (isReply(cause)) {
      return ""
    }
    throw cause
  })
  const [, mode] = /^redis_mode:(\w+)/m.exec(info) ?? []
  if (mode === "cluster") {
    throw invalid("url: the server is a node of a cluster: use redisCluster")
  }
  if (mode === "sentinel") {
    throw invalid("url: the server is a sentinel: use redisSentinel")
  }
}

/** While a server loads its data, ioredis waits, and says nothing. */
const saysLoading = (client: Redis): Redis =>
  client.on("connect", () => {
    client.info("persistence").then(
      (info) => {
        if (/^loading:1/m.test(info)) {
          client.emit("error", new Error("LOADING"))
        }
      },
      () => {}
    )
  })

/** Rejects if a node refuses the login. One that is away is none of ours: its replica will take over. */
const login = (node: Redis): Promise<unknown> =>
  node.cluster("INFO").catch((cause) => {
    if (isReply(cause)) {
      throw cause
    }
  })

export const single = (
  { options, url = "redis://127.0.0.1:6379" }: Server,
  timeout: Duration.Duration,
  isPatient: boolean
): Connection<Redis> => server("redis", timeout, url, 6379, options, { open: saysLoading, check: checkKind, isPatient })

export const cluster = (
  { options, url }: { readonly url: Secret; readonly options?: ClusterOptions | undefined },
  timeout: Duration.Duration,
  isPatient: boolean
): Connection<Cluster> =>
  Effect.flatMap(addresses(url, 6379, true), ({ servers, shared }) =>
    connected(
      "redisCluster",
      timeout,
      ({ Cluster }) => {
        const { redisOptions, ...rest } = options ?? {}
        const isSecure = (redisOptions?.tls ?? shared.tls) !== undefined
        return new Cluster([...servers], {
          ...boundedClusterOptions(timeout, { ...boundedOptions(timeout, isPatient), ...shared, ...redisOptions }),
          // Certificates hold names, which ioredis would replace by addresses.
          ...(isSecure ? { dnsLookup: (name, callback) => callback(null, name) } : {}),
          ...rest,
          lazyConnect: true
        }).on("+node", saysLoading)
      },
      async (client) => {
        const masters = client.nodes("master")
        // A cluster has none but 0, unless it is Valkey's: one node can tell.
        const { db = 0 } = masters[0]?.options ?? {}
        if (db !== 0) {
          await masters[0]!.select(db)
        }
        // Users and passwords are each node's own: one that refuses ours would lose a part of the sessions.
        await Promise.all(masters.map((node) => Promise.race([login(node), sleep(Duration.toMillis(timeout) / 2)])))
      },
      isPatient
    )
  )

export const sentinel = (
  {
    masterName,
    options,
    sentinelPassword,
    sentinelTls,
    sentinelUsername,
    url
  }: Server & SentinelLogin & { readonly url: Secret; readonly masterName: string },
  timeout: Duration.Duration,
  isPatient: boolean
): Connection<Redis> =>
  Effect.flatMap(addresses(url, 26379, true), ({ servers, shared }) =>
    connected(
      "redisSentinel",
      timeout,
      ({ Redis }) => {
        const tls = options?.tls ?? shared.tls
        return saysLoading(
          mended(
            new Redis({
              ...boundedOptions(timeout, isPatient),
              sentinels: [...servers],
              name: masterName,
              sentinelCommandTimeout: Duration.toMillis(timeout),
              sentinelRetryStrategy: (attempt) => Math.min(attempt * 50, 500),
              ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
              ...(sentinelPassword === undefined ? {} : { sentinelPassword: plain(sentinelPassword) }),
              ...((sentinelTls ?? shared.tls !== undefined) ? { sentinelTLS: tls ?? {} } : {}),
              // Without this, ioredis ignores `tls`, and sends the password as it is.
              enableTLSForSentinelMode: true,
              ...shared,
              ...options,
              lazyConnect: true
            })
          )
        )
      },
      checkKind,
      isPatient
    )
  )
