/**
 * Sessions in Redis 5 or newer, or a server that speaks its protocol (Valkey, KeyDB, Dragonfly): one server, a cluster,
 * or a master under sentinels. Uses ioredis 5, an optional peer dependency.
 *
 * @since 3.0.0
 */
import type { Cluster, ClusterOptions, Redis, RedisOptions } from "ioredis"
import * as Config from "#effect/Config"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import { SessionError } from "../SessionError.js"
import * as Environment from "./internal/environment.js"
import { checked, type Names } from "./internal/options.js"
import * as Provider from "./Provider.js"
import { redisClient } from "./redis/client.js"
import * as Connections from "./redis/connections.js"
import { keepsHashTag } from "./redis/keys.js"
import { type Link, ownLink } from "./redis/link.js"
import { newsOf } from "./redis/news.js"
import * as Scripted from "./redis/scripted.js"
import { makeScripts } from "./redis/scripts.js"

/**
 * The options that one server, a cluster and a master under sentinels share.
 *
 * @since 3.0.0
 * @category models
 */
export interface CommonOptions {
  /** The prefix of every key. Default `session:`. */
  readonly prefix?: string | undefined
  /** How long the server may take to connect or to answer a command. Default 2 seconds. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * The option that makes a write survive a failover.
 *
 * @since 3.0.0
 * @category models
 */
export interface ReplicaOptions {
  /**
   * How many replicas must have received a write before it counts, checked with Redis' `WAIT`; otherwise the write
   * fails with `Unavailable`. A failover that promotes one of these replicas keeps the write: Sentinel promotes the
   * replica that has received most. Default 0: Redis acknowledges a write before any replica has it, and a failover can
   * lose the most recent ones.
   */
  readonly minReplicas?: number | undefined
}

/**
 * The options of sessions in one Redis server.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options extends CommonOptions, ReplicaOptions {
  /**
   * The server's address: `redis://user:password@host:6379/0`, or `rediss://` for TLS. Default
   * `redis://127.0.0.1:6379`.
   */
  readonly url?: string | Redacted.Redacted | undefined
  /** Extra ioredis options. They override the options this provider sets. */
  readonly options?: RedisOptions | undefined
  /**
   * A client that the app already has, in place of `url` and `options`; it may be a cluster's. It keeps its own
   * options, `timeout` among them, and is not closed with the layer.
   */
  readonly client?: Redis | Cluster | undefined
}

/**
 * The options of sessions in a Redis cluster.
 *
 * @since 3.0.0
 * @category models
 */
export interface ClusterNodes extends CommonOptions {
  /** The addresses of some of the nodes, separated by commas: `redis://user:password@host1:6379,host2:6379`. */
  readonly url: string | Redacted.Redacted
  /** Extra ioredis options. They override the options this provider sets. */
  readonly options?: ClusterOptions | undefined
}

/**
 * How to log in to sentinels that want a password of their own.
 *
 * @since 3.0.0
 * @category models
 */
export interface SentinelLogin {
  readonly sentinelUsername?: string | undefined
  /** It is never sent to the Redis servers, and their password is never sent to a sentinel. */
  readonly sentinelPassword?: string | Redacted.Redacted | undefined
  /** Whether sentinels are connected to with TLS. Default: with `rediss://`. */
  readonly sentinelTls?: boolean | undefined
}

/**
 * The options of sessions in a master under sentinels.
 *
 * @since 3.0.0
 * @category models
 */
export interface Sentinels extends CommonOptions, ReplicaOptions, SentinelLogin {
  /**
   * The addresses of the sentinels, separated by commas: `redis://user:password@sentinel1:26379,sentinel2:26379`. User,
   * password and database are those of the Redis servers. With `rediss://` all connections are TLS.
   */
  readonly url: string | Redacted.Redacted
  /** The name under which the sentinels know the master. */
  readonly masterName: string
  /** Extra ioredis options. They override the options this provider sets. */
  readonly options?: RedisOptions | undefined
}

const scripts = makeScripts({
  call: "redis.call",
  store: (key, value, ttl) => `call('SET', ${key}, ${value}, 'PX', ${ttl})`,
  expire: (key, ttl) => `call('PEXPIRE', ${key}, ${ttl})`,
  // A user who may not publish ends sessions all the same.
  tell: (key) => `redis.pcall('PUBLISH', ${key}, '')`,
  answer: "return run()"
})

const timeoutOf = ({ timeout = "2 seconds" }: CommonOptions): Duration.Duration => Duration.fromInputUnsafe(timeout)

/** Whether writes wait for replicas: these are not made again. */
const waits = ({ minReplicas = 0 }: ReplicaOptions): boolean => minReplicas > 0

const provide = (
  name: string,
  link: Link,
  options: CommonOptions & ReplicaOptions & Pick<Options, "client">
): Effect.Effect<Provider.Provider, SessionError, Scope.Scope> => {
  const { client } = link
  const { minReplicas = 0, prefix = "session:" } = options
  const wrong =
    !Number.isInteger(minReplicas) || minReplicas < 0 || (minReplicas > 0 && client.isCluster)
      ? "minReplicas: expected a whole number, and none on a cluster, where WAIT cannot be sent to a key's node"
      : client.isCluster && !keepsHashTag(`${client.options.keyPrefix ?? ""}${prefix}`)
        ? "prefix: {} in it would scatter the keys of one session over the cluster's nodes"
        : undefined
  if (wrong !== undefined) {
    return Effect.fail(new SessionError({ reason: "InvalidConfig", message: wrong }))
  }
  // Half of a command's time, so that the reply of WAIT comes before the connection is given up.
  const replicas =
    minReplicas === 0 ? undefined : { count: minReplicas, millis: Math.ceil(Duration.toMillis(timeoutOf(options)) / 2) }
  return Effect.map(newsOf(link), (news) =>
    Scripted.make({
      name,
      prefix,
      scripts,
      news,
      client: redisClient(link, replicas),
      capabilities: {
        ...Provider.defaultCapabilities,
        // A script that the server does not have yet is sent a second time, and one that follows a refused SET is sent in
        // full. A cluster may redirect, and an app's own client may wait.
        answersWithin:
          client.isCluster || options.client !== undefined
            ? Number.POSITIVE_INFINITY
            : 2 * Duration.toMillis(timeoutOf(options)),
        // 3 characters of base64url make 262,144 hash tags for 16,384 slots.
        inheritedIdChars: client.isCluster ? 3 : 0
      }
    })
  )
}

/**
 * Keeps sessions in one Redis server, or in the one that the app's own `client` is connected to. Fails with
 * `Unavailable` if the server does not answer, and with `InvalidConfig` if an option is wrong.
 *
 * @example
 * import * as Redis from "effect-session/redis"
 *
 * const provider = Redis.make({ url: "redis://127.0.0.1:6379" })
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Provider.Provider, SessionError, Scope.Scope> =>
  options.client !== undefined
    ? provide("redis", ownLink(options.client), options)
    : Effect.flatMap(Connections.single(options, timeoutOf(options), waits(options)), (link) =>
        provide("redis", link, options)
      )

/**
 * Keeps sessions in a Redis cluster. A session and its successor share the first 3 characters of their ids, unhashed,
 * and therefore the hash tag of their keys, so that `regenerate` is one step on one node. Fails with `Unavailable` if
 * no node answers, and with `InvalidConfig` if an option is wrong.
 *
 * @example
 * import * as Redis from "effect-session/redis"
 *
 * const provider = Redis.makeCluster({ url: "redis://10.0.0.1:6379,10.0.0.2:6379" })
 *
 * @since 3.0.0
 * @category constructors
 */
export const makeCluster = (options: ClusterNodes): Effect.Effect<Provider.Provider, SessionError, Scope.Scope> =>
  Effect.flatMap(Connections.cluster(options, timeoutOf(options), false), (link) =>
    provide("redisCluster", link, options)
  )

/**
 * Keeps sessions in the master that the sentinels name, and follows it through failovers. Fails with `Unavailable` if
 * no master answers, and with `InvalidConfig` if an option is wrong.
 *
 * @example
 * import * as Redis from "effect-session/redis"
 *
 * const provider = Redis.makeSentinel({ url: "redis://10.0.0.1:26379,10.0.0.2:26379", masterName: "mymaster" })
 *
 * @since 3.0.0
 * @category constructors
 */
export const makeSentinel = (options: Sentinels): Effect.Effect<Provider.Provider, SessionError, Scope.Scope> =>
  Effect.flatMap(Connections.sentinel(options, timeoutOf(options), waits(options)), (link) =>
    provide("redisSentinel", link, options)
  )

const names: Names<Options> = {
  url: "optional",
  prefix: "optional",
  timeout: "optional",
  minReplicas: "optional",
  options: "optional",
  client: "optional"
}

const clusterNames: Names<ClusterNodes> = {
  url: "required",
  prefix: "optional",
  timeout: "optional",
  options: "optional"
}

const sentinelNames: Names<Sentinels> = {
  url: "required",
  masterName: "required",
  sentinelUsername: "optional",
  sentinelPassword: "optional",
  sentinelTls: "optional",
  prefix: "optional",
  timeout: "optional",
  minReplicas: "optional",
  options: "optional"
}

/**
 * Provides sessions in one Redis server. Fails with `Unavailable` if the server does not answer, and with
 * `InvalidConfig` if an option is wrong.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Redis from "effect-session/redis"
 *
 * const SessionLive = SessionLayer.make(Redis.layer({ url: "redis://127.0.0.1:6379" }), { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.effect(Provider.SessionProvider, checked(names, options, make))

/**
 * Provides sessions in a Redis cluster. Fails with `Unavailable` if no node answers, and with `InvalidConfig` if an
 * option is wrong.
 *
 * @example
 * import * as Redis from "effect-session/redis"
 *
 * const Sessions = Redis.layerCluster({ url: "redis://10.0.0.1:6379,10.0.0.2:6379" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerCluster = (options: ClusterNodes): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.effect(Provider.SessionProvider, checked(clusterNames, options, makeCluster))

/**
 * Provides sessions in the master that Redis sentinels name. Fails with `Unavailable` if no master answers, and with
 * `InvalidConfig` if an option is wrong.
 *
 * @example
 * import * as Redis from "effect-session/redis"
 *
 * const Sessions = Redis.layerSentinel({
 *   url: "redis://10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379",
 *   masterName: "mymaster",
 *   minReplicas: 1
 * })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerSentinel = (options: Sentinels): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.effect(Provider.SessionProvider, checked(sentinelNames, options, makeSentinel))

const minReplicas = Config.withDefault(Config.Int(Environment.variables.minReplicas), 0)

/**
 * Provides sessions in one Redis server with options read from Effect's `Config`: one for each option, or one for all.
 *
 * @example
 * import { Config } from "effect"
 * import * as Redis from "effect-session/redis"
 *
 * const Sessions = Redis.layerConfig({ url: Config.Redacted("STORE_URL") })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig: Environment.LayerConfig<Omit<Options, "client">> = Environment.configured(layer)

/**
 * Provides sessions in one Redis server with options from the environment: `SESSION_URL`, `SESSION_KEY_PREFIX` and
 * `SESSION_MIN_REPLICAS`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Redis from "effect-session/redis"
 *
 * const SessionLive = SessionLayer.make(Redis.layerFromEnv, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerFromEnv = layerConfig({
  url: Environment.url,
  prefix: Environment.prefix,
  minReplicas
})

/**
 * Provides sessions in a Redis cluster with options read from Effect's `Config`: one for each option, or one for all.
 *
 * @example
 * import { Config } from "effect"
 * import * as Redis from "effect-session/redis"
 *
 * const Sessions = Redis.layerClusterConfig({ url: Config.Redacted("STORE_URL") })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerClusterConfig: Environment.LayerConfig<ClusterNodes> = Environment.configured(layerCluster)

/**
 * Provides sessions in a Redis cluster with options from the environment: `SESSION_URL` and `SESSION_KEY_PREFIX`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Redis from "effect-session/redis"
 *
 * const SessionLive = SessionLayer.make(Redis.layerClusterFromEnv, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerClusterFromEnv = layerClusterConfig({ url: Environment.url, prefix: Environment.prefix })

/**
 * Provides sessions in the master that Redis sentinels name, with options read from Effect's `Config`: one for each
 * option, or one for all.
 *
 * @example
 * import { Config } from "effect"
 * import * as Redis from "effect-session/redis"
 *
 * const Sessions = Redis.layerSentinelConfig({ url: Config.Redacted("STORE_URL"), masterName: Config.String("STORE_MASTER") })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerSentinelConfig: Environment.LayerConfig<Sentinels> = Environment.configured(layerSentinel)

/**
 * Provides sessions in the master that Redis sentinels name, with options from the environment: `SESSION_URL`,
 * `SESSION_KEY_PREFIX`, `SESSION_MASTER_NAME`, `SESSION_MIN_REPLICAS`, `SESSION_SENTINEL_USERNAME`,
 * `SESSION_SENTINEL_PASSWORD` and `SESSION_SENTINEL_TLS`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Redis from "effect-session/redis"
 *
 * const SessionLive = SessionLayer.make(Redis.layerSentinelFromEnv, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerSentinelFromEnv = layerSentinelConfig({
  url: Environment.url,
  prefix: Environment.prefix,
  minReplicas,
  masterName: Config.NonEmptyString(Environment.variables.masterName),
  sentinelUsername: Environment.optional(Config.NonEmptyString(Environment.variables.sentinelUsername)),
  sentinelPassword: Environment.optional(Config.Redacted(Environment.variables.sentinelPassword)),
  sentinelTls: Environment.optional(Config.Boolean(Environment.variables.sentinelTls))
})
