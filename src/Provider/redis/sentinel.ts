/**
 * Sessions in the master that Redis sentinels name.
 */
import type { RedisOptions } from "ioredis"
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import type { SessionError } from "../../SessionError.js"
import * as Environment from "../internal/environment.js"
import { checked, type Names } from "../internal/options.js"
import * as Provider from "../Provider.js"
import * as Connections from "./connections.js"
import { type CommonOptions, minReplicas, provide, type ReplicaOptions, timeoutOf, waits } from "./provide.js"

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

const names: Names<Sentinels> = {
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
  Layer.effect(Provider.SessionProvider, checked(names, options, makeSentinel))

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

/** @internal */
export const sentinelVariables = {
  url: Environment.url,
  prefix: Environment.prefix,
  minReplicas,
  masterName: Config.NonEmptyString(Environment.variables.masterName),
  sentinelUsername: Environment.optional(Config.NonEmptyString(Environment.variables.sentinelUsername)),
  sentinelPassword: Environment.optional(Config.Redacted(Environment.variables.sentinelPassword)),
  sentinelTls: Environment.optional(Config.Boolean(Environment.variables.sentinelTls))
}

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
export const layerSentinelFromEnv = layerSentinelConfig(sentinelVariables)
