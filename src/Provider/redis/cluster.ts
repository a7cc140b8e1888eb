/**
 * Sessions in a Redis cluster.
 */
import type { ClusterOptions } from "ioredis"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import type { SessionError } from "../../SessionError.js"
import * as Environment from "../internal/environment.js"
import { checked, type Names } from "../internal/options.js"
import * as Provider from "../Provider.js"
import * as Connections from "./connections.js"
import { type CommonOptions, provide, timeoutOf } from "./provide.js"

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

const names: Names<ClusterNodes> = {
  url: "required",
  prefix: "optional",
  timeout: "optional",
  options: "optional"
}

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
  Layer.effect(Provider.SessionProvider, checked(names, options, makeCluster))

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
