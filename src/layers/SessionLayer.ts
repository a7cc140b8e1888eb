/**
 * Ready-made session layers: the backend is one line.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as SessionConfig from "../Manager/SessionConfig.js"
import * as SessionManager from "../Manager/SessionManager.js"
import * as Cookie from "../Provider/Cookie.js"
import type { Durability } from "../Provider/couchbase/address.js"
import * as File from "../Provider/File.js"
import * as Memory from "../Provider/Memory.js"
import type { SessionProvider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { SessionCodec } from "../Store/Codec.js"
import { lazy } from "./lazy.js"

export {
  /**
   * @since 0.1.0
   * @category layers
   */
  fromConfig
} from "./fromConfig.js"

/**
 * Sessions over any provider, as JSON or in the format of another `codec`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Memory from "effect-session/memory"
 *
 * const SessionLive = SessionLayer.make(Memory.layer(), { idleTimeout: "15 minutes" })
 *
 * @since 0.1.0
 * @category layers
 */
export const make = <E, R>(
  provider: Layer.Layer<SessionProvider, E, R>,
  options: SessionConfig.Options = {},
  codec?: SessionCodec
): Layer.Layer<SessionManager.SessionManager, E | SessionError, R> =>
  Layer.provide(SessionManager.layer(SessionConfig.make(options), codec), provider)

/**
 * Sessions in the memory of this process, gone with it.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.memory({ idleTimeout: "30 minutes", maxSessions: 100_000 })
 *
 * @since 0.1.0
 * @category layers
 */
export const memory = (
  options: SessionConfig.Options & Memory.Options = {}
): Layer.Layer<SessionManager.SessionManager, SessionError> => make(Memory.layer(options), options)

/**
 * Sessions in files of one directory, shared by all processes that use it.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.file({ directory: "./sessions", idleTimeout: "30 minutes" })
 *
 * @since 0.1.0
 * @category layers
 */
export const file = (
  options: SessionConfig.Options & File.Options
): Layer.Layer<SessionManager.SessionManager, SessionError> => make(File.layer(options), options)

/**
 * Sessions sealed in cookies: no store at all. Without `revocations`, who has a copy of a session's cookies can use them after it
 * was ended, until they expire. Fails to build where a key is not 32 random bytes at least.
 *
 * @example
 * import { Config, Effect, Layer } from "effect"
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = Layer.unwrapEffect(
 *   Effect.map(Config.redacted("SESSION_KEY"), (key) => SessionLayer.cookie({ keys: [key], idleTimeout: "30 minutes" }))
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const cookie = <E = never, R = never>(
  options: SessionConfig.Options & Cookie.Options<Layer.Layer<SessionProvider, E, R>>
): Layer.Layer<SessionManager.SessionManager, E | SessionError, R> => make(Cookie.layer(options), options)

/**
 * What the layers of Redis' family take besides the options of `SessionConfig`. The backends' own modules
 * (`effect-session/redis`, ...) have more, such as a client that the app already has.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisOptions {
  /** `redis://user:password@host:6379/0`, or `host:port`. The nodes of a cluster, or the sentinels, are separated by commas. */
  readonly url: string
  /** What all keys start with. Default `session:`. */
  readonly prefix?: string | undefined
}

/**
 * What promises that a failover loses nothing.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplicaOptions {
  /** How many replicas must have received a write before it counts. Default 0. See `effect-session/redis`. */
  readonly minReplicas?: number | undefined
}

type SessionLayer = Layer.Layer<SessionManager.SessionManager, SessionError>

/**
 * Sessions in one Redis server. Needs `ioredis`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.redis({ url: "redis://127.0.0.1:6379", idleTimeout: "30 minutes" })
 *
 * @since 0.1.0
 * @category layers
 */
export const redis = (options: SessionConfig.Options & RedisOptions & ReplicaOptions): SessionLayer =>
  make(
    lazy("redis", () => import("../Provider/Redis.js").then(({ layer }) => layer(options))),
    options
  )

/**
 * Sessions in a Redis cluster. Needs `ioredis`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.redisCluster({ url: "redis://10.0.0.1:6379,10.0.0.2:6379" })
 *
 * @since 0.1.0
 * @category layers
 */
export const redisCluster = (options: SessionConfig.Options & RedisOptions): SessionLayer =>
  make(
    lazy("redisCluster", () => import("../Provider/Redis.js").then(({ layerCluster }) => layerCluster(options))),
    options
  )

/**
 * Sessions in the master that Redis sentinels name. Needs `ioredis`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.redisSentinel({
 *   url: "redis://10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379",
 *   masterName: "mymaster",
 *   minReplicas: 1
 * })
 *
 * @since 0.1.0
 * @category layers
 */
export const redisSentinel = (
  options: SessionConfig.Options & RedisOptions & ReplicaOptions & { readonly masterName: string }
): SessionLayer =>
  make(
    lazy("redisSentinel", () => import("../Provider/Redis.js").then(({ layerSentinel }) => layerSentinel(options))),
    options
  )

/**
 * Sessions in LedisDB. Needs `ioredis`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.ledis({ url: "127.0.0.1:6380" })
 *
 * @since 0.1.0
 * @category layers
 */
export const ledis = (options: SessionConfig.Options & RedisOptions): SessionLayer =>
  make(
    lazy("ledis", () => import("../Provider/Ledis.js").then(({ layer }) => layer(options))),
    options
  )

/**
 * Sessions in SSDB. Needs `ioredis`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.ssdb({ url: "127.0.0.1:8888" })
 *
 * @since 0.1.0
 * @category layers
 */
export const ssdb = (options: SessionConfig.Options & RedisOptions): SessionLayer =>
  make(
    lazy("ssdb", () => import("../Provider/Ssdb.js").then(({ layer }) => layer(options))),
    options
  )

/**
 * What the databases have in common.
 *
 * @since 0.1.0
 * @category models
 */
export interface TableOptions {
  /** The name of the table. Default `effect_session`. */
  readonly table?: string | undefined
  /** The schema (PostgreSQL), database (MySQL) or attached file (SQLite) that the table is in. Default: that of the connection. */
  readonly schema?: string | undefined
  /** Whether to create the table, or bring it up to date, when the layer is built. Default true. */
  readonly migrate?: boolean | undefined
}

/**
 * A database server's address, and its table.
 *
 * @since 0.1.0
 * @category models
 */
export interface DatabaseOptions extends TableOptions {
  readonly url: string | Redacted.Redacted
  /** The most connections. Default 10. */
  readonly maxConnections?: number | undefined
}

/**
 * Sessions in PostgreSQL. Needs `@effect/sql` and `@effect/sql-pg`. To share the app's pool, see `effect-session/sql`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.postgres({ url: "postgres://user:password@localhost/app" })
 *
 * @since 0.1.0
 * @category layers
 */
export const postgres = (options: SessionConfig.Options & DatabaseOptions): SessionLayer =>
  make(
    lazy("postgres", () => import("./Postgres.js").then(({ layer }) => layer(options))),
    options
  )

/**
 * Sessions in MySQL or MariaDB. Needs `@effect/sql` and `@effect/sql-mysql2`. To share the app's pool, see `effect-session/sql`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.mysql({ url: "mysql://user:password@localhost/app" })
 *
 * @since 0.1.0
 * @category layers
 */
export const mysql = (options: SessionConfig.Options & DatabaseOptions): SessionLayer =>
  make(
    lazy("mysql", () => import("./Mysql.js").then(({ layer }) => layer(options))),
    options
  )

/**
 * Sessions in a SQLite file. Needs `@effect/sql` and `better-sqlite3`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.sqlite({ filename: "sessions.sqlite" })
 *
 * @since 0.1.0
 * @category layers
 */
export const sqlite = (options: SessionConfig.Options & TableOptions & { readonly filename: string }): SessionLayer =>
  make(
    lazy("sqlite", () => import("./Sqlite.js").then(({ layer }) => layer(options))),
    options
  )

/**
 * Sessions in memcached, on one server or spread over several. Needs `memcache-client`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.memcached({ url: "10.0.0.1:11211,10.0.0.2:11211" })
 *
 * @since 0.1.0
 * @category layers
 */
export const memcached = (
  options: SessionConfig.Options & {
    /** The servers, as `host:port` separated by commas. */
    readonly url: string
    /** What all keys start with. Default `session:`. */
    readonly prefix?: string | undefined
  }
): SessionLayer =>
  make(
    lazy("memcached", () => import("../Provider/Memcached.js").then(({ layer }) => layer(options))),
    options
  )

/**
 * Sessions in Couchbase. Needs `couchbase`, its official SDK.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.couchbase({
 *   url: "couchbase://user:password@10.0.0.1,10.0.0.2/app",
 *   durability: "majority"
 * })
 *
 * @since 0.1.0
 * @category layers
 */
export const couchbase = (
  options: SessionConfig.Options & {
    /** `couchbase://user:password@host,host/bucket`, or `.../bucket/scope/collection`; `couchbases://` for TLS. */
    readonly url: string
    /** What all keys start with. Default `session:`. */
    readonly prefix?: string | undefined
    /** When a write counts. Default `none`: at once. See `effect-session/couchbase`. */
    readonly durability?: Durability | undefined
  }
): SessionLayer =>
  make(
    lazy("couchbase", () => import("../Provider/Couchbase.js").then(({ layer }) => layer(options))),
    options
  )
