/**
 * Sessions in the memory of this process: for development, tests, and single-process apps that may forget them at a
 * restart.
 *
 * @since 3.0.0
 */
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { toBuffer } from "../internal/bytes.js"
import { SessionError } from "../SessionError.js"
import * as Environment from "./internal/environment.js"
import { checked, type Names } from "./internal/options.js"
import { Recent } from "./internal/recent.js"
import { expiry, withNow } from "./internal/time.js"
import { ExpiryIndex } from "./memory/ExpiryIndex.js"
import * as Provider from "./Provider.js"

/**
 * The options of sessions in memory.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /**
   * The largest number of sessions. Above it the least recently used one is evicted, as if it had expired. Unlimited by
   * default. The marks that ended sessions leave for a while are not counted; there are at most as many of them.
   */
  readonly maxSessions?: number | undefined
}

interface Entry {
  readonly id: Provider.StoredId
  /**
   * The payload's bytes as a one-byte string: compact on the heap (a small typed array costs hundreds of bytes), never
   * aliased.
   */
  payload: string
  revision: number
  expiresAt: number
}

/** A mark, at its id. */
interface Left {
  readonly id: Provider.StoredId
  /** The content's bytes as a one-byte string, for the same reasons. */
  readonly content: string
  expiresAt: number
}

const toText = (payload: Uint8Array): string => toBuffer(payload).toString("latin1")

const toStored = (entry: Entry): Provider.Stored => ({
  payload: Buffer.from(entry.payload, "latin1"),
  revision: String(entry.revision) as Provider.Revision,
  expiresAt: entry.expiresAt
})

/**
 * Makes a provider that keeps sessions in this process. The cost of removing expired sessions depends on how many have
 * expired, not on how many are stored.
 *
 * @example
 * import * as Memory from "effect-session/memory"
 *
 * const provider = Memory.make({ maxSessions: 100_000 })
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options = {}): Provider.Provider => {
  const { maxSessions } = options
  const entries = new Recent<Provider.StoredId, Entry>(maxSessions)
  const index = new ExpiryIndex<Entry>()
  // Apart from the sessions, so that neither evicts the other.
  const marks = new Recent<Provider.StoredId, Left>(maxSessions)
  const markIndex = new ExpiryIndex<Left>()
  // One counter for all sessions, so that a revision is never used again.
  let lastRevision = 0

  const at = <A>(f: (now: number) => A): Effect.Effect<A> => withNow((now) => Effect.succeed(f(now)))

  const live = (id: Provider.StoredId, now: number): Entry | undefined => {
    const entry = entries.get(id)
    if (entry === undefined || entry.expiresAt <= now) {
      return undefined
    }
    if (maxSessions !== undefined) {
      entries.use(id, entry)
    }
    return entry
  }

  const remove = (entry: Entry): void => {
    entries.delete(entry.id)
    index.remove(entry)
  }

  const markAt = (id: Provider.StoredId, now: number): Left | undefined => {
    const mark = marks.get(id)
    return mark !== undefined && mark.expiresAt > now ? mark : undefined
  }

  /** Ends a session, and leaves its mark. */
  const leave = (entry: Entry, mark: Provider.Mark | undefined, now: number): void => {
    remove(entry)
    if (mark === undefined) {
      return
    }
    const stale = marks.get(entry.id)
    if (stale !== undefined) {
      markIndex.remove(stale)
    }
    const left = { id: entry.id, content: toText(mark.content), expiresAt: expiry(now, mark.ttl) }
    markIndex.add(left)
    const evicted = marks.use(left.id, left)
    if (evicted !== undefined) {
      markIndex.remove(evicted)
    }
  }

  const insert = (id: Provider.StoredId, payload: Uint8Array, expiresAt: number): Provider.Written => {
    const stale = entries.get(id)
    if (stale !== undefined) {
      remove(stale)
    }
    const entry = { id, payload: toText(payload), revision: ++lastRevision, expiresAt }
    index.add(entry)
    const evicted = entries.use(id, entry)
    if (evicted !== undefined) {
      index.remove(evicted)
    }
    return Provider.written(String(entry.revision), expiresAt)
  }

  const collect = (now: number): number => {
    markIndex.takeExpired(now, (mark) => marks.delete(mark.id))
    return index.takeExpired(now, (entry) => entries.delete(entry.id))
  }

  /** The entry that a conditional change applies to, or the reason why it does not apply. */
  const toChange = (
    id: Provider.StoredId,
    revision: Provider.Revision,
    now: number
  ): Entry | Provider.Conflict | Provider.Gone => {
    const entry = live(id, now)
    return entry === undefined
      ? Provider.gone
      : String(entry.revision) === revision
        ? entry
        : Provider.conflict(toStored(entry))
  }

  // Without `Provider.make`: these calls cannot fail, and their payloads have no limit.
  return {
    name: "memory",
    capabilities: {
      ...Provider.defaultCapabilities,
      durable: false,
      inProcess: true,
      maxPayload: Number.POSITIVE_INFINITY
    },
    read: (id) =>
      at((now) => {
        const entry = live(id, now)
        return entry === undefined ? Option.none() : Option.some(toStored(entry))
      }),
    create: (id, payload, ttl) =>
      at((now) =>
        live(id, now) === undefined && markAt(id, now) === undefined
          ? insert(id, payload, expiry(now, ttl))
          : Provider.exists
      ),
    write: (id, payload, ttl, revision) =>
      at((now) => {
        const entry = toChange(id, revision, now)
        if ("_tag" in entry) {
          return entry
        }
        entry.payload = toText(payload)
        entry.revision = ++lastRevision
        index.move(entry, expiry(now, ttl))
        return Provider.written(String(entry.revision), entry.expiresAt)
      }),
    touch: (id, ttl) =>
      at((now) => {
        const entry = live(id, now)
        if (entry === undefined) {
          return Provider.gone
        }
        index.move(entry, expiry(now, ttl))
        return Provider.touched(entry.expiresAt)
      }),
    exists: (id) => at((now) => live(id, now) !== undefined),
    destroy: (id, mark) =>
      at((now) => {
        const entry = entries.get(id)
        if (entry !== undefined) {
          leave(entry, entry.expiresAt > now ? mark : undefined, now)
        }
      }),
    regenerate: ({ oldId, newId, payload, ttl, revision, mark }) =>
      at((now) => {
        const entry = toChange(oldId, revision, now)
        if ("_tag" in entry) {
          return entry
        }
        leave(entry, mark, now)
        return insert(newId, payload, expiry(now, ttl))
      }),
    marked: (id) =>
      at((now) => Option.map(Option.fromNullishOr(markAt(id, now)), ({ content }) => Buffer.from(content, "latin1"))),
    count: at((now) => {
      collect(now)
      return entries.size
    }),
    list: Stream.unwrap(
      at((now) => {
        collect(now)
        return Stream.fromIterable([...entries.keys()])
      })
    ),
    gc: at(collect)
  }
}

const names: Names<Options> = { maxSessions: "optional" }

/**
 * Provides sessions in the memory of this process. Each build has its own sessions. Fails with `InvalidConfig` if
 * `maxSessions` is not a positive integer.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Memory from "effect-session/memory"
 *
 * const SessionLive = SessionLayer.make(Memory.layer({ maxSessions: 100_000 }), { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.effect(
    Provider.SessionProvider,
    checked(names, options, ({ maxSessions }) =>
      maxSessions !== undefined && !(Number.isInteger(maxSessions) && maxSessions > 0)
        ? new SessionError({ reason: "InvalidConfig", message: "maxSessions: expected a positive integer or nothing" })
        : Effect.sync(() => make({ maxSessions }))
    )
  )

/**
 * Provides sessions in the memory of this process with options read from Effect's `Config`: one for each option, or one
 * for all.
 *
 * @example
 * import { Config } from "effect"
 * import * as Memory from "effect-session/memory"
 *
 * const Sessions = Memory.layerConfig({ maxSessions: Config.Int("STORE_SIZE") })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig: Environment.LayerConfig<Options> = Environment.configured(layer)

/**
 * Provides sessions in the memory of this process with options from the environment: `SESSION_MAX_SESSIONS`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Memory from "effect-session/memory"
 *
 * const SessionLive = SessionLayer.make(Memory.layerFromEnv, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerFromEnv = layerConfig({
  maxSessions: Environment.optional(Config.Int(Environment.variables.maxSessions))
})
