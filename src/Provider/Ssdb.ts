/**
 * Sessions in SSDB 1.9, over the Redis protocol. Uses ioredis 5 or 6, an optional peer dependency.
 *
 * SSDB has no scripts and no transactions. Therefore a compare-and-set here holds the session's lock, a key of its own
 * that is taken with `SETNX`. It is safe as long as a command takes effect within half of `timeout` after it was sent;
 * a command that is held up longer by a server or network that stood still can overwrite what was written meanwhile.
 *
 * A session is one value: 20 characters of revision, then the payload; a shorter value is not a session. The server
 * expires it, in whole seconds, rounded up. It is stored with `SETEX`, since `SET` ignores `EX` and keeps the previous
 * lifetime. The mark that a session leaves is a value with its own key: one byte, then the content; an empty value is
 * not a mark.
 *
 * @since 3.0.0
 */
import type { Redis, RedisOptions } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Predicate from "#effect/Predicate"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import * as Stream from "#effect/Stream"
import type { Failure } from "../internal/failure.js"
import type { SessionError } from "../SessionError.js"
import * as Environment from "./internal/environment.js"
import { checked, type Names } from "./internal/options.js"
import * as Provider from "./Provider.js"
import { failureOf } from "./redis/failures.js"
import { type Command, pipelined, server } from "./redis/ioredis.js"
import { isId } from "./redis/keys.js"
import type { Link } from "./redis/link.js"
import { revisionLength, revisions } from "./redis/scripts.js"
import { type Decision, locked } from "./ssdb/locks.js"
import { call, capabilities, defaultPort, name, secondsOf } from "./ssdb/server.js"

/**
 * The options of sessions in SSDB.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /** The server's address: `host:port`, or `redis://:password@host:8888` with a password. Default `127.0.0.1:8888`. */
  readonly url?: string | Redacted.Redacted | undefined
  /**
   * The prefix of every key. Default `session:`. The keys of locks, marks and people begin with `lock:`, `mark:` or
   * `principals:` before this prefix.
   */
  readonly prefix?: string | undefined
  /** How long the server may take to connect or to answer a command. Default 2 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** Extra ioredis options. They override the options this provider sets. */
  readonly options?: RedisOptions | undefined
}

/**
 * Connects to an SSDB server, and disconnects with the scope. Fails with `Unavailable` if the server does not answer,
 * and with `InvalidConfig` if an option is wrong.
 *
 * @example
 * import * as Ssdb from "effect-session/ssdb"
 *
 * const provider = Ssdb.make({ url: "127.0.0.1:8888" })
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Provider.Provider, SessionError, Scope.Scope> => {
  const { prefix = "session:", url = `127.0.0.1:${defaultPort}` } = options
  const timeout = Duration.fromInputUnsafe(options.timeout ?? "2 seconds")
  return Effect.map(server(name, timeout, url, defaultPort, options.options), (link) => {
    const under = (prefix: string) => operations(link, prefix, Duration.toMillis(timeout))
    return Provider.make({ name, capabilities, ...under(prefix), principals: under(`principals:${prefix}`) })
  })
}

const isConflict = Predicate.isTagged("Conflict")

/** The operations on what is kept under a prefix. */
const operations = (link: Link<Redis>, prefix: string, timeoutMillis: number): Provider.Calls<Failure> => {
  /** Sends commands that may be sent again. */
  const ask = (commands: ReadonlyArray<Command>) => link.call(() => pipelined(link.client, commands), true)
  const nextRevision = revisions()
  const keyOf = (id: Provider.StoredId) => prefix + id
  const lockOf = (id: Provider.StoredId) => `lock:${prefix}${id}`

  const markOf = (id: Provider.StoredId) => `mark:${prefix}${id}`

  const lookAt = (key: string): ReadonlyArray<Command> => [
    ["get", key],
    ["ttl", key]
  ]
  const look = (id: Provider.StoredId) => lookAt(keyOf(id))
  const lookAtMark = (id: Provider.StoredId) => lookAt(markOf(id))

  /** What a change finds, and the revision under which it stores: it finds that if it is made a second time. */
  interface Sight {
    readonly found: Provider.Stored | undefined
    readonly isMarked: boolean
    readonly successor: Provider.Stored | undefined
    readonly now: number
    readonly own: Provider.Revision
  }

  const change = <A>(
    id: Provider.StoredId,
    decide: (sight: Sight) => Decision<A>,
    newId?: Provider.StoredId
  ): Effect.Effect<A, Failure> =>
    call((now) => {
      const own = nextRevision()
      const all = [...look(id), ...lookAtMark(id), ...(newId === undefined ? [] : look(newId))]
      return locked(
        link,
        timeoutMillis,
        lockOf(id),
        all,
        (replies) =>
          decide({
            found: toStored(replies, now),
            isMarked: toMark(replies.slice(2)) !== undefined,
            successor: toStored(replies.slice(4), now),
            now,
            own
          }),
        true,
        // Another record may have come after its own.
        (answer) => !isConflict(answer)
      )
    })

  /**
   * Ends a session with MSET, which is one step and keeps lifetimes: the keys of the mark and of the successor were
   * given theirs before.
   */
  const ending = (
    id: Provider.StoredId,
    mark: Provider.Mark | undefined,
    successor: ReadonlyArray<string | Buffer>
  ): ReadonlyArray<Command> => [
    ...(mark === undefined ? [] : [["setex", markOf(id), secondsOf(mark.ttl), ""] as const]),
    ["mset", ...successor, ...(mark === undefined ? [] : [markOf(id), toMarkValue(mark)]), keyOf(id), ""],
    ["del", keyOf(id)]
  ]

  /** Stores a payload with the commands of `changes`, under a new revision, if the session is at the expected one. */
  const replace = (
    id: Provider.StoredId,
    payload: Uint8Array,
    ttl: Duration.Duration,
    expected: Provider.Revision,
    changes: (record: Buffer, seconds: number) => ReadonlyArray<Command>,
    newId?: Provider.StoredId
  ): Effect.Effect<Provider.Written | Provider.Conflict | Provider.Gone, Failure> =>
    change<Provider.Written | Provider.Conflict | Provider.Gone>(
      id,
      ({ found, now, own, successor }) => {
        const seconds = secondsOf(ttl)
        const answer = Provider.written(own, now + seconds * 1000)
        if (found?.revision === own || (found === undefined && successor?.revision === own)) {
          return { answer, changes: [] }
        }
        return found?.revision === expected
          ? { answer, changes: changes(toRecord(own, payload), seconds) }
          : { answer: found === undefined ? Provider.gone : Provider.conflict(found), changes: [] }
      },
      newId
    )

  const read = (id: Provider.StoredId) =>
    call((now) => ask(look(id)).then((replies) => Option.fromNullishOr(toStored(replies, now))))

  const ids = Stream.suspend(() => Stream.fromAsyncIterable(keysOf(link, prefix), failureOf)).pipe(
    Stream.map((keys) => keys.map((key) => key.slice(prefix.length)).filter((id): id is Provider.StoredId => isId(id))),
    Stream.flattenIterable
  )

  return {
    read,
    create: (id, payload, ttl) =>
      change<Provider.Written | Provider.Exists>(id, ({ found, isMarked, now, own }) => {
        const seconds = secondsOf(ttl)
        const answer = Provider.written(own, now + seconds * 1000)
        if (found?.revision === own) {
          return { answer, changes: [] }
        }
        return found !== undefined || isMarked
          ? { answer: Provider.exists, changes: [] }
          : { answer, changes: [["setex", keyOf(id), seconds, toRecord(own, payload)]] }
      }),
    write: (id, payload, ttl, revision) =>
      replace(id, payload, ttl, revision, (record, seconds) => [["setex", keyOf(id), seconds, record]]),
    // Needs no lock: it compares nothing, and EXPIRE does not bring back a key.
    touch: (id, ttl) =>
      call(async (now) => {
        const seconds = secondsOf(ttl)
        const [found] = await ask([["expire", keyOf(id), seconds]])
        return found === 1 ? Provider.touched(now + seconds * 1000) : Provider.gone
      }),
    exists: (id) => Effect.map(read(id), Option.isSome),
    destroy: (id, mark) =>
      change(id, ({ found }) => ({
        answer: undefined,
        changes: found === undefined ? [] : mark === undefined ? [["del", keyOf(id)]] : ending(id, mark, [])
      })),
    regenerate: ({ oldId, newId, payload, ttl, revision, mark }) =>
      replace(
        oldId,
        payload,
        ttl,
        revision,
        (record, seconds) => [["setex", keyOf(newId), seconds, ""], ...ending(oldId, mark, [keyOf(newId), record])],
        newId
      ),
    marked: (id) => call(() => ask(lookAtMark(id)).then((replies) => Option.fromNullishOr(toMark(replies)))),
    count: Stream.runCount(ids),
    list: ids
  }
}

/** SSDB's KEYS takes a range of keys, of which the first is exclusive, and a limit. */
async function* keysOf({ call, client }: Link<Redis>, prefix: string): AsyncGenerator<ReadonlyArray<string>> {
  const end = Buffer.concat([Buffer.from(prefix), Buffer.of(0xff)])
  const limit = 1000
  let after = prefix
  let found: ReadonlyArray<string>
  do {
    found = (await call(() => client.call("keys", after, end, limit), true)) as ReadonlyArray<string>
    yield found
    after = found.at(-1) ?? after
  } while (found.length === limit)
}

const toRecord = (revision: Provider.Revision, payload: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(revision, "latin1"), payload])

const toMarkValue = ({ content }: Provider.Mark): Buffer => Buffer.concat([Buffer.of(1), content])

const toMark = ([value, ttl]: ReadonlyArray<unknown>): Buffer | undefined =>
  Buffer.isBuffer(value) && value.length > 0 && typeof ttl === "number" && ttl >= 0 ? value.subarray(1) : undefined

/**
 * TTL returns whole seconds, rounded down. The server counts them; the client's clock only turns them into a time of
 * day.
 */
const toStored = ([value, ttl]: ReadonlyArray<unknown>, now: number): Provider.Stored | undefined =>
  Buffer.isBuffer(value) && value.length >= revisionLength && typeof ttl === "number" && ttl >= 0
    ? {
        payload: value.subarray(revisionLength),
        revision: value.toString("latin1", 0, revisionLength) as Provider.Revision,
        expiresAt: now + (ttl + 1) * 1000
      }
    : undefined

const names: Names<Options> = { url: "optional", prefix: "optional", timeout: "optional", options: "optional" }

/**
 * Provides sessions in SSDB. Fails with `Unavailable` if the server does not answer, and with `InvalidConfig` if an
 * option is wrong.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Ssdb from "effect-session/ssdb"
 *
 * const SessionLive = SessionLayer.make(Ssdb.layer({ url: "127.0.0.1:8888" }), { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.effect(Provider.SessionProvider, checked(names, options, make))

/**
 * Provides sessions in SSDB with options read from Effect's `Config`: one for each option, or one for all.
 *
 * @example
 * import { Config } from "effect"
 * import * as Ssdb from "effect-session/ssdb"
 *
 * const Sessions = Ssdb.layerConfig({ url: Config.Redacted("STORE_URL") })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig: Environment.LayerConfig<Options> = Environment.configured(layer)

/**
 * Provides sessions in SSDB with options from the environment: `SESSION_URL` and `SESSION_KEY_PREFIX`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Ssdb from "effect-session/ssdb"
 *
 * const SessionLive = SessionLayer.make(Ssdb.layerFromEnv, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerFromEnv = layerConfig({
  url: Environment.url,
  prefix: Environment.prefix
})
