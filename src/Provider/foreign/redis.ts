/**
 * Another library's layout in Redis: a session is a string under a prefix and its id, which Redis expires.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import * as Stream from "#effect/Stream"
import { Failure } from "../../internal/failure.js"
import type { SessionError } from "../../SessionError.js"
import { never } from "../internal/time.js"
import { defaultCapabilities, SessionProvider } from "../Provider.js"
import { type RedisClient, redisClient } from "../redis/client.js"
import * as Connections from "../redis/connections.js"
import type { Link } from "../redis/link.js"
import { idsOf } from "../redis/scripted.js"
import { script } from "../redis/scripts.js"
import * as ForeignProvider from "./provider.js"
import * as Scripted from "./scripted.js"

export type Options =
  /** The address is `redis://:password@host:6379/0`, for a cluster several ones separated by commas. */
  | { readonly kind: "redis" | "redisCluster"; readonly url: string | Redacted.Redacted }
  /** The sentinels are in `url`; password and database are those of the servers. */
  | { readonly kind: "redisSentinel"; readonly url: string | Redacted.Redacted; readonly masterName: string }

const timeout = Duration.seconds(2)

// A key of another type is not a session, and is left alone.
const found = `
local value = redis.pcall('GET', KEYS[1])
if type(value) ~= 'string' then return false end`

const unchanged = `${found}
if redis.sha1hex(value) ~= ARGV[1] then return 0 end`

const scripts: Scripted.Scripts = {
  replace: script(`${unchanged}
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`),
  removeAt: script(`${unchanged}
return redis.call('DEL', KEYS[1])`),
  add: script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`),
  remove: script(`${found}
return redis.call('DEL', KEYS[1])`),
  // After a lost connection only this one is sent again: another repeated change could not be told from a stranger's.
  touch: script(
    `${found}
return redis.call('PEXPIRE', KEYS[1], ARGV[1])`,
    { repeatable: true }
  )
}

/** When a session ends by what is stored in it, in milliseconds since the epoch; undefined if nothing in it says so. */
export type EndOf = (payload: Uint8Array) => number | undefined

const isWrongType = (cause: unknown): boolean => cause instanceof Failure && cause.words === "WRONGTYPE"

/** Reads a session, and asks Redis how long it still lives. */
const readWithTtl = (client: RedisClient, key: string): Effect.Effect<ForeignProvider.Found | undefined, unknown> =>
  Scripted.timed(
    () => client.getWithTtl(key),
    (found, now) => found && { payload: found[0], expiresAt: found[1] < 0 ? never : now + found[1] }
  )

/**
 * Reads sessions that say when they end, with one command in place of two. Redis is asked for the lifetime of those that say nothing, and of
 * those that should have ended: they were renewed in Redis alone. The sessions of one app are alike, so if the last one said nothing, Redis
 * is asked for the lifetime of the next one together with its value.
 */
const readTelling = (client: RedisClient, endOf: EndOf) => {
  let tells = true
  /** When a session ends by what is stored in it, if that can be. */
  const told = (payload: Uint8Array, now: number): number | undefined => {
    const expiresAt = endOf(payload)
    tells = expiresAt !== undefined && expiresAt > now
    return tells ? expiresAt : undefined
  }
  const read = (key: string): Effect.Effect<ForeignProvider.Found | "ask" | undefined, unknown> =>
    Scripted.timed(
      () => client.get(key),
      (payload, now) => {
        const expiresAt = payload === null ? undefined : told(payload, now)
        return payload === null ? undefined : expiresAt === undefined ? "ask" : { payload, expiresAt }
      }
    )
  return (key: string): Effect.Effect<ForeignProvider.Found | undefined, unknown> =>
    tells
      ? Effect.flatMap(read(key), (found) => (found === "ask" ? readWithTtl(client, key) : Effect.succeed(found)))
      : Effect.clockWith((clock) =>
          Effect.map(readWithTtl(client, key), (found) => {
            if (found !== undefined) {
              told(found.payload, millisOf(clock))
            }
            return found
          })
        )
}

const store = (name: string, link: Link, prefix: string, endOf: EndOf | undefined): ForeignProvider.ForeignStore => {
  const client = redisClient(link)
  const read = endOf === undefined ? (key: string) => readWithTtl(client, key) : readTelling(client, endOf)
  // Without a prefix, sessions could not be told from the app's other keys.
  const listed = prefix === "" ? undefined : idsOf(client, prefix, (key) => key.slice(prefix.length))
  return {
    name,
    capabilities: {
      ...defaultCapabilities,
      answersWithin: link.client.isCluster ? Number.POSITIVE_INFINITY : 2 * Duration.toMillis(timeout)
    },
    revisionOf: ForeignProvider.content,
    isKey: (id) => id !== "",
    get: (id) =>
      // A key of another type is not a session.
      Effect.catch(read(prefix + id), (cause) => (isWrongType(cause) ? Effect.succeed(undefined) : Effect.fail(cause))),
    // The scripts compare hashes, so that a large session is not sent along with each write.
    ...Scripted.changes(client, scripts, prefix, (revision) => ForeignProvider.sha1(Buffer.from(revision, "latin1"))),
    list: listed,
    count: listed && Stream.runCount(listed)
  }
}

const connect = (options: Options): Effect.Effect<Link, SessionError, Scope.Scope> => {
  switch (options.kind) {
    case "redis":
      return Connections.single(options, timeout, true)
    case "redisCluster":
      return Connections.cluster(options, timeout, true)
    case "redisSentinel":
      return Connections.sentinel(options, timeout, true)
  }
}

/**
 * Provides sessions in the layout, under a prefix; `endOf` reads what is stored in them, in a layout that has it. Fails with
 * `Unavailable` if there is no connection, and with `InvalidConfig` if an option is wrong.
 */
export const layer = (options: Options, prefix: string, endOf?: EndOf): Layer.Layer<SessionProvider, SessionError> =>
  Layer.effect(
    SessionProvider,
    Effect.map(connect(options), (link) => ForeignProvider.make(store(options.kind, link, prefix, endOf)))
  )
