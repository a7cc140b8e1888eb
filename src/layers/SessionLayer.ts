/**
 * Ready-made session layers: choosing a backend takes one line. The first argument has the backend's options, the
 * second one the session's.
 *
 * @since 3.0.0
 */
import type * as Layer from "#effect/Layer"
import * as SessionConfig from "../Manager/SessionConfig.js"
import type * as SessionManager from "../Manager/SessionManager.js"
import * as Cookie from "../Provider/Cookie.js"
import type { SealedSessions } from "../Provider/cookie/SealedSessions.js"
import type { Durability } from "../Provider/couchbase/address.js"
import * as File from "../Provider/File.js"
import * as Memory from "../Provider/Memory.js"
import type { SessionProvider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { SessionCodec } from "../Store/Codec.js"
import { compose, composeApart } from "./compose.js"
import { lazy } from "./lazy.js"
import type { DatabaseOptions, ReplicaOptions, SentinelOptions, ServerOptions, TableOptions } from "./options.js"

export {
  /**
   * @since 3.0.0
   * @category models
   */
  type FromConfigOptions,
  /**
   * @since 3.0.0
   * @category layers
   */
  fromConfig
} from "./fromConfig.js"

export {
  /**
   * @since 3.0.0
   * @category models
   */
  type MovingOptions,
  /**
   * @since 3.0.0
   * @category layers
   */
  moving
} from "./moving.js"

export type {
  /**
   * @since 3.0.0
   * @category models
   */
  DatabaseOptions,
  /**
   * @since 3.0.0
   * @category models
   */
  ReplicaOptions,
  /**
   * @since 3.0.0
   * @category models
   */
  SentinelOptions,
  /**
   * @since 3.0.0
   * @category models
   */
  ServerOptions,
  /**
   * @since 3.0.0
   * @category models
   */
  TableOptions
} from "./options.js"

/**
 * Provides sessions on any provider, or sealed in cookies. They are stored as JSON, or in the format of another
 * `codec`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Memory from "effect-session/memory"
 *
 * const SessionLive = SessionLayer.make(Memory.layer(), { idleTimeout: "15 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const make = <E, R>(
  provider: Layer.Layer<SessionProvider, E, R> | Layer.Layer<SealedSessions, E, R>,
  options: SessionConfig.Options = {},
  codec?: SessionCodec
): Layer.Layer<SessionManager.SessionManager, E | SessionError, R> =>
  compose(SessionConfig.make(options), provider, codec)

/**
 * Provides sessions in the memory of this process, which end with it. The one option of memory itself, `maxSessions`,
 * is among the session's options.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.memory({ idleTimeout: "30 minutes", maxSessions: 100_000 })
 *
 * @since 3.0.0
 * @category layers
 */
export const memory = ({
  maxSessions,
  ...session
}: SessionConfig.Options & Memory.Options = {}): Layer.Layer<SessionManager.SessionManager, SessionError> =>
  make(Memory.layer({ maxSessions }), session)

/**
 * Provides sessions in the files of one directory, which all processes on the directory share.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.file({ directory: "./sessions" }, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const file = (
  options: File.Options,
  session: SessionConfig.Options = {}
): Layer.Layer<SessionManager.SessionManager, SessionError> => composeApart(options, File.layer(options), session)

/**
 * Provides sessions that are sealed in cookies, without any backend. Without `revocations`, anyone who kept a copy of
 * an ended session's cookies can use them until they expire. Fails with `InvalidConfig` if a key is not at least 32
 * random bytes.
 *
 * @example
 * import { Config, Effect, Layer } from "effect"
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = Layer.unwrap(
 *   Effect.map(Config.Redacted("COOKIE_KEY"), (key) => SessionLayer.cookie({ keys: [key] }, { idleTimeout: "30 minutes" }))
 * )
 *
 * @since 3.0.0
 * @category layers
 */
export const cookie = <E = never, R = never>(
  options: Cookie.Options<Layer.Layer<SessionProvider, E, R>>,
  session: SessionConfig.Options = {}
): Layer.Layer<SessionManager.SessionManager, E | SessionError, R> =>
  composeApart(options, Cookie.layer(options), session)

type SessionLayer = Layer.Layer<SessionManager.SessionManager, SessionError>

/** Both have a `timeout`: the session's is for a whole operation, a server's for one command. */
const shared = ["timeout"]

/**
 * Provides sessions in one Redis server. Needs `ioredis`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.redis({ url: "redis://127.0.0.1:6379" }, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const redis = (options: ServerOptions & ReplicaOptions, session: SessionConfig.Options = {}): SessionLayer =>
  composeApart(
    options,
    lazy(() => import("../Provider/Redis.js").then(({ layer }) => layer(options))),
    session,
    shared
  )

/**
 * Provides sessions in a Redis cluster. Needs `ioredis`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.redisCluster({ url: "redis://10.0.0.1:6379,10.0.0.2:6379" })
 *
 * @since 3.0.0
 * @category layers
 */
export const redisCluster = (options: ServerOptions, session: SessionConfig.Options = {}): SessionLayer =>
  composeApart(
    options,
    lazy(() => import("../Provider/Redis.js").then(({ layerCluster }) => layerCluster(options))),
    session,
    shared
  )

/**
 * Provides sessions in the master that Redis sentinels name. Needs `ioredis`.
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
 * @since 3.0.0
 * @category layers
 */
export const redisSentinel = (
  options: ServerOptions & ReplicaOptions & SentinelOptions,
  session: SessionConfig.Options = {}
): SessionLayer =>
  composeApart(
    options,
    lazy(() => import("../Provider/Redis.js").then(({ layerSentinel }) => layerSentinel(options))),
    session,
    shared
  )

/**
 * Provides sessions in LedisDB. Needs `ioredis`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.ledis({ url: "127.0.0.1:6380" })
 *
 * @since 3.0.0
 * @category layers
 */
export const ledis = (options: ServerOptions, session: SessionConfig.Options = {}): SessionLayer =>
  composeApart(
    options,
    lazy(() => import("../Provider/Ledis.js").then(({ layer }) => layer(options))),
    session,
    shared
  )

/**
 * Provides sessions in SSDB. Needs `ioredis`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.ssdb({ url: "127.0.0.1:8888" })
 *
 * @since 3.0.0
 * @category layers
 */
export const ssdb = (options: ServerOptions, session: SessionConfig.Options = {}): SessionLayer =>
  composeApart(
    options,
    lazy(() => import("../Provider/Ssdb.js").then(({ layer }) => layer(options))),
    session,
    shared
  )

/**
 * Provides sessions in PostgreSQL. Needs the driver `pg`. To share the app's pool, see
 * `effect-session/sql`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.postgres({ url: "postgres://user:password@localhost/app" })
 *
 * @since 3.0.0
 * @category layers
 */
export const postgres = (options: DatabaseOptions, session: SessionConfig.Options = {}): SessionLayer =>
  composeApart(
    options,
    lazy(() => import("../Provider/Postgres.js").then(({ layer }) => layer(options))),
    session
  )

/**
 * Provides sessions in MySQL or MariaDB. Needs the driver `mysql2`. To share the app's pool, see
 * `effect-session/sql`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.mysql({ url: "mysql://user:password@localhost/app" })
 *
 * @since 3.0.0
 * @category layers
 */
export const mysql = (options: DatabaseOptions, session: SessionConfig.Options = {}): SessionLayer =>
  composeApart(
    options,
    lazy(() => import("../Provider/Mysql.js").then(({ layer }) => layer(options))),
    session
  )

/**
 * Provides sessions in a SQLite file. Needs `better-sqlite3`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.sqlite({ filename: "sessions.sqlite" })
 *
 * @since 3.0.0
 * @category layers
 */
export const sqlite = (
  options: TableOptions & { readonly filename: string },
  session: SessionConfig.Options = {}
): SessionLayer =>
  composeApart(
    options,
    lazy(() => import("../Provider/Sqlite.js").then(({ layer }) => layer(options))),
    session
  )

/**
 * Provides sessions in memcached, on one server or spread over several. Needs no driver.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.memcached({ url: "10.0.0.1:11211,10.0.0.2:11211" })
 *
 * @since 3.0.0
 * @category layers
 */
export const memcached = (options: ServerOptions, session: SessionConfig.Options = {}): SessionLayer =>
  composeApart(
    options,
    lazy(() => import("../Provider/Memcached.js").then(({ layer }) => layer(options))),
    session,
    shared
  )

/**
 * Provides sessions in Couchbase. Needs `couchbase`, its official SDK.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 *
 * const SessionLive = SessionLayer.couchbase({
 *   url: "couchbase://user:password@10.0.0.1,10.0.0.2/app",
 *   durability: "majority"
 * })
 *
 * @since 3.0.0
 * @category layers
 */
export const couchbase = (
  options: ServerOptions & { readonly durability?: Durability | undefined },
  session: SessionConfig.Options = {}
): SessionLayer =>
  composeApart(
    options,
    lazy(() => import("../Provider/Couchbase.js").then(({ layer }) => layer(options))),
    session,
    shared
  )
