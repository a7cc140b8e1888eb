/**
 * Sessions in the memory of this process: for development, tests, and single-process apps that may forget them at a restart.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { SessionError } from "../SessionError.js"
import { toBuffer } from "./internal/bytes.js"
import { ExpiryIndex } from "./internal/ExpiryIndex.js"
import * as Provider from "./Provider.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The most sessions to keep. Above it the least recently used one is evicted, as if it had expired.
   * Unlimited by default.
   */
  readonly maxSessions?: number | undefined
}

interface Entry {
  readonly id: Provider.StoredId
  /** The payload's bytes as a one-byte string: compact on the heap (a small typed array costs hundreds of bytes), never aliased. */
  payload: string
  revision: number
  expiresAt: number
}

const toText = (payload: Uint8Array): string => toBuffer(payload).toString("latin1")

const toStored = (entry: Entry): Provider.Stored => ({
  payload: Buffer.from(entry.payload, "latin1"),
  revision: String(entry.revision) as Provider.Revision,
  expiresAt: entry.expiresAt
})

/**
 * A provider that keeps sessions in this process. Removing the expired costs what is expired, not what is stored.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Provider.Provider => {
  const { maxSessions } = options
  const entries = new Map<Provider.StoredId, Entry>()
  const expiry = new ExpiryIndex<Entry>()
  // One counter for all sessions, so that a revision never comes back.
  let lastRevision = 0

  const withNow = <A>(f: (now: number) => A): Effect.Effect<A> =>
    Effect.clockWith((clock) => Effect.succeed(f(clock.unsafeCurrentTimeMillis())))

  const live = (id: Provider.StoredId, now: number): Entry | undefined => {
    const entry = entries.get(id)
    if (entry === undefined || entry.expiresAt <= now) {
      return undefined
    }
    if (maxSessions !== undefined) {
      // The map's order is the order of use.
      entries.delete(id)
      entries.set(id, entry)
    }
    return entry
  }

  const remove = (entry: Entry): void => {
    entries.delete(entry.id)
    expiry.remove(entry)
  }

  const insert = (id: Provider.StoredId, payload: Uint8Array, expiresAt: number): Provider.Written => {
    const stale = entries.get(id)
    if (stale !== undefined) {
      remove(stale)
    }
    const entry = { id, payload: toText(payload), revision: ++lastRevision, expiresAt }
    entries.set(id, entry)
    expiry.add(entry)
    if (maxSessions !== undefined && entries.size > maxSessions) {
      remove(entries.values().next().value!)
    }
    return Provider.written(String(entry.revision), expiresAt)
  }

  const collect = (now: number): number => expiry.takeExpired(now, (entry) => entries.delete(entry.id))

  /** What a conditional change finds: the entry to change, or why it must not. */
  const at = (
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

  return {
    name: "memory",
    capabilities: {
      ...Provider.defaultCapabilities,
      durable: false,
      inProcess: true,
      maxPayload: Number.POSITIVE_INFINITY
    },
    read: (id) =>
      withNow((now) => {
        const entry = live(id, now)
        return entry === undefined ? Option.none() : Option.some(toStored(entry))
      }),
    create: (id, payload, ttl) =>
      withNow((now) =>
        live(id, now) === undefined ? insert(id, payload, now + Duration.toMillis(ttl)) : Provider.exists
      ),
    write: (id, payload, ttl, revision) =>
      withNow((now) => {
        const entry = at(id, revision, now)
        if ("_tag" in entry) {
          return entry
        }
        entry.payload = toText(payload)
        entry.revision = ++lastRevision
        expiry.move(entry, now + Duration.toMillis(ttl))
        return Provider.written(String(entry.revision), entry.expiresAt)
      }),
    touch: (id, ttl) =>
      withNow((now) => {
        const entry = live(id, now)
        if (entry === undefined) {
          return Provider.gone
        }
        expiry.move(entry, now + Duration.toMillis(ttl))
        return Provider.touched(entry.expiresAt)
      }),
    exists: (id) => withNow((now) => live(id, now) !== undefined),
    destroy: (id) =>
      Effect.sync(() => {
        const entry = entries.get(id)
        if (entry !== undefined) {
          remove(entry)
        }
      }),
    regenerate: (oldId, newId, payload, ttl, revision) =>
      withNow((now) => {
        const entry = at(oldId, revision, now)
        if ("_tag" in entry) {
          return entry
        }
        remove(entry)
        return insert(newId, payload, now + Duration.toMillis(ttl))
      }),
    count: withNow((now) => {
      collect(now)
      return entries.size
    }),
    ids: Stream.unwrap(
      withNow((now) => {
        collect(now)
        return Stream.fromIterable([...entries.keys()])
      })
    ),
    gc: withNow(collect)
  }
}

/**
 * A layer of {@link make}. Each build has its own sessions. Fails where `maxSessions` is not a positive integer.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Memory from "effect-session/memory"
 *
 * const SessionLive = SessionLayer.make(Memory.layer({ maxSessions: 100_000 }), { idleTimeout: "30 minutes" })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Provider.SessionProvider, SessionError> =>
  options.maxSessions !== undefined && !(Number.isInteger(options.maxSessions) && options.maxSessions > 0)
    ? Layer.fail(
        new SessionError({ reason: "InvalidConfig", message: "maxSessions: expected a positive integer or nothing" })
      )
    : Layer.sync(Provider.SessionProvider, () => make(options))

/**
 * {@link layer} with its options from the environment: `SESSION_MAX_SESSIONS`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<Provider.SessionProvider, SessionError | ConfigError.ConfigError> =
  Layer.unwrapEffect(
    Effect.map(Config.option(Config.integer("SESSION_MAX_SESSIONS")), (maxSessions) =>
      layer({ maxSessions: Option.getOrUndefined(maxSessions) })
    )
  )
