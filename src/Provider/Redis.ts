/**
 * Sessions in Redis 5 or newer, or a server that speaks its protocol (Valkey, KeyDB, Dragonfly): one server, a cluster,
 * or a master under sentinels. Uses ioredis 5 or 6, an optional peer dependency.
 *
 * @since 3.0.0
 */
import type { Cluster, Redis, RedisOptions } from "ioredis"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import type { SessionError } from "../SessionError.js"
import * as Environment from "./internal/environment.js"
import { checked, type Names } from "./internal/options.js"
import * as Provider from "./Provider.js"
import * as Connections from "./redis/connections.js"
import { ownLink } from "./redis/link.js"
import { type CommonOptions, minReplicas, provide, type ReplicaOptions, timeoutOf, waits } from "./redis/provide.js"

export * from "./redis/cluster.js"
export type { CommonOptions, ReplicaOptions } from "./redis/provide.js"
export * from "./redis/sentinel.js"

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

const names: Names<Options> = {
  url: "optional",
  prefix: "optional",
  timeout: "optional",
  minReplicas: "optional",
  options: "optional",
  client: "optional"
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
