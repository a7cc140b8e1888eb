/**
 * The options of the ready-made layers, without the types of any driver.
 */
import type { ConnectionOptions } from "node:tls"
import type * as Duration from "#effect/Duration"
import type * as Redacted from "#effect/Redacted"

/**
 * The options of the layers of key-value servers. The backends' own modules (`effect-session/redis`, ...) have more,
 * such as the options of the driver, or a client that the app already has.
 *
 * @since 3.0.0
 * @category models
 */
export interface ServerOptions {
  /**
   * The server's address, such as `redis://user:password@host:6379/0` or `host:port`. The nodes of a cluster, sentinels
   * and memcached servers are separated by commas.
   */
  readonly url: string | Redacted.Redacted
  /** The prefix of every key. Default `session:`. */
  readonly prefix?: string | undefined
  /** How long the server may take to connect, or to answer one command. Default 2 seconds; 5 for LedisDB. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * The option that makes a write survive a failover.
 *
 * @since 3.0.0
 * @category models
 */
export interface ReplicaOptions {
  /** How many replicas must have received a write before it counts. Default 0. See `effect-session/redis`. */
  readonly minReplicas?: number | undefined
}

/**
 * The options of Redis sentinels.
 *
 * @since 3.0.0
 * @category models
 */
export interface SentinelOptions {
  /** The name under which the sentinels know the master. */
  readonly masterName: string
  /** The sentinels' own user and password; those in `url` are the Redis servers'. */
  readonly sentinelUsername?: string | undefined
  readonly sentinelPassword?: string | Redacted.Redacted | undefined
  /** Whether sentinels are connected to with TLS. Default: with `rediss://`. */
  readonly sentinelTls?: boolean | undefined
}

/**
 * The options of the table of sessions.
 *
 * @since 3.0.0
 * @category models
 */
export interface TableOptions {
  /** The name of the table. Default `effect_session`. */
  readonly table?: string | undefined
  /**
   * The schema (PostgreSQL), database (MySQL) or attached file (SQLite) of the table. Default: that of the connection.
   */
  readonly schema?: string | undefined
  /** Whether to create the table, or bring it up to date, when the layer is built. Default true. */
  readonly migrate?: boolean | undefined
}

/**
 * The options of the layers of database servers.
 *
 * @since 3.0.0
 * @category models
 */
export interface DatabaseOptions extends TableOptions {
  /** The database's address, such as `postgres://user:password@host:5432/database`. */
  readonly url: string | Redacted.Redacted
  /** The largest number of connections. Default 10. */
  readonly maxConnections?: number | undefined
  /** Whether to use TLS, or Node's options of it, such as `{ ca }`. Default: what the address says. */
  readonly tls?: boolean | ConnectionOptions | undefined
  /** Whether statements are prepared. Default: unless there is a pooler such as PgBouncer before the server. */
  readonly prepared?: boolean | undefined
}
