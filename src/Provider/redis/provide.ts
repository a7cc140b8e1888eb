/**
 * What sessions in one Redis server, in a cluster and in a master under sentinels share.
 */
import * as Config from "#effect/Config"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { SessionError } from "../../SessionError.js"
import * as Environment from "../internal/environment.js"
import * as Provider from "../Provider.js"
import { redisClient } from "./client.js"
import { keepsHashTag } from "./keys.js"
import type { Link } from "./link.js"
import { newsOf } from "./news.js"
import * as Scripted from "./scripted.js"
import { makeScripts } from "./scripts.js"

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

const scripts = makeScripts({
  call: "redis.call",
  store: (key, value, ttl) => `call('SET', ${key}, ${value}, 'PX', ${ttl})`,
  expire: (key, ttl) => `call('PEXPIRE', ${key}, ${ttl})`,
  // A user who may not publish ends sessions all the same.
  tell: (key) => `redis.pcall('PUBLISH', ${key}, '')`,
  answer: "return run()"
})

export const timeoutOf = ({ timeout = "2 seconds" }: CommonOptions): Duration.Duration =>
  Duration.fromInputUnsafe(timeout)

/** Whether writes wait for replicas: these are not made again. */
export const waits = ({ minReplicas = 0 }: ReplicaOptions): boolean => minReplicas > 0

/** `client` is set if the client is the app's own. */
export const provide = (
  name: string,
  link: Link,
  options: CommonOptions & ReplicaOptions & { readonly client?: unknown }
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

/** `minReplicas`, from the environment. */
export const minReplicas = Config.withDefault(Config.Int(Environment.variables.minReplicas), 0)
