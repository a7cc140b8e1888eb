/**
 * Where apps on express and fastify keep their sessions: providers in the layouts of their stores. Each loads its driver when
 * its layer is built.
 */
import type * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import { lazy } from "../layers/lazy.js"
import type { DatabaseOptions } from "../layers/options.js"
import type { SessionProvider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"

/**
 * The options of a Redis server, or of a cluster's, in which connect-redis keeps sessions.
 *
 * @since 3.0.0
 * @category models
 */
export interface RedisOptions {
  /**
   * The server's address, such as `redis://user:password@host:6379/0`. Those of a cluster's nodes, or of sentinels, are separated
   * by commas.
   */
  readonly url: string | Redacted.Redacted
  /** The prefix of every key. Default `sess:`, as in connect-redis. */
  readonly prefix?: string | undefined
}

/**
 * The options of a master under sentinels in which connect-redis keeps sessions.
 *
 * @since 3.0.0
 * @category models
 */
export interface RedisSentinelOptions extends RedisOptions {
  /** The name under which the sentinels know the master. */
  readonly masterName: string
}

type Provider = Layer.Layer<SessionProvider, SessionError>

const redisOf = (load: (layouts: typeof import("./layouts/redis.js")) => Provider): Provider =>
  lazy(() => import("./layouts/redis.js").then(load))

/**
 * Sessions in one Redis server, as connect-redis keeps them. Needs `ioredis`.
 *
 * @example
 * import { Redacted } from "effect"
 * import * as Express from "effect-session/express"
 *
 * const SessionLive = Express.layer(Express.redis({ url: "redis://127.0.0.1:6379", prefix: "myapp:" }), {
 *   secrets: [Redacted.make("keyboard cat")]
 * })
 *
 * @since 3.0.0
 * @category providers
 */
export const redis = (options: RedisOptions): Provider => redisOf(({ layer }) => layer({ kind: "redis", ...options }))

/**
 * Sessions in a Redis cluster, as connect-redis keeps them. Needs `ioredis`.
 *
 * @example
 * import { Redacted } from "effect"
 * import * as Express from "effect-session/express"
 *
 * const SessionLive = Express.layer(Express.redisCluster({ url: "redis://10.0.0.1:6379,10.0.0.2:6379" }), {
 *   secrets: [Redacted.make("keyboard cat")]
 * })
 *
 * @since 3.0.0
 * @category providers
 */
export const redisCluster = (options: RedisOptions): Provider =>
  redisOf(({ layer }) => layer({ kind: "redisCluster", ...options }))

/**
 * Sessions in the master that Redis sentinels name, as connect-redis keeps them. Needs `ioredis`.
 *
 * @example
 * import { Redacted } from "effect"
 * import * as Express from "effect-session/express"
 *
 * const SessionLive = Express.layer(
 *   Express.redisSentinel({ url: "redis://10.0.0.1:26379,10.0.0.2:26379", masterName: "mymaster" }),
 *   { secrets: [Redacted.make("keyboard cat")] }
 * )
 *
 * @since 3.0.0
 * @category providers
 */
export const redisSentinel = (options: RedisSentinelOptions): Provider =>
  redisOf(({ layer }) => layer({ kind: "redisSentinel", ...options }))

/**
 * The options of a database in which an app on express keeps its sessions.
 *
 * @since 3.0.0
 * @category models
 */
export interface SqlOptions extends Omit<DatabaseOptions, "schema"> {
  /**
   * The name of the table, after that of its schema and a dot if the server does not look there by itself. Default that of the
   * store: `session` in PostgreSQL, `sessions` in MySQL.
   */
  readonly table?: string | undefined
}

/**
 * Sessions in PostgreSQL, in the table of connect-pg-simple. Needs `pg`.
 *
 * @example
 * import { Redacted } from "effect"
 * import * as Express from "effect-session/express"
 *
 * const SessionLive = Express.layer(Express.postgres({ url: "postgres://user:password@localhost/app" }), {
 *   secrets: [Redacted.make("keyboard cat")]
 * })
 *
 * @since 3.0.0
 * @category providers
 */
export const postgres = (options: SqlOptions): Provider =>
  lazy(() => import("./layouts/postgres.js").then(({ layer }) => layer(options)))

/**
 * Sessions in MySQL or MariaDB, in the table of express-mysql-session. Needs `mysql2`.
 *
 * @example
 * import { Redacted } from "effect"
 * import * as Express from "effect-session/express"
 *
 * const SessionLive = Express.layer(Express.mysql({ url: "mysql://user:password@localhost/app" }), {
 *   secrets: [Redacted.make("keyboard cat")]
 * })
 *
 * @since 3.0.0
 * @category providers
 */
export const mysql = (options: SqlOptions): Provider =>
  lazy(() => import("./layouts/mysql.js").then(({ layer }) => layer(options)))
