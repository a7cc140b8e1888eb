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
import { expiry, withNow } from "./internal/time.js"
import { type Entry, Shelf } from "./memory/Shelf.js"
import * as Provider from "./Provider.js"

/**
 * The options of sessions in memory.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /**
   * The largest number of sessions, unlimited by default. Above it a new session ends another one, as if that had
   * expired: one that has expired if there is any, or else the least recently used visitor's, or else the least recently
   * used of people who signed in or gained rights. The marks that ended sessions leave for a while are not counted;
   * there are at most as many of them. The records of people are not counted, and have no limit.
   */
  readonly maxSessions?: number | undefined
}

interface Session extends Entry {
  /**
   * The payload's bytes as a one-byte string: compact on the heap (a small typed array costs hundreds of bytes), never
   * aliased.
   */
  payload: string
  revision: number
}

/** A mark, at its id. */
interface Left extends Entry {
  /** The content's bytes as a one-byte string, for the same reasons. */
  readonly content: string
}

const toText = (payload: Uint8Array): string => toBuffer(payload).toString("latin1")

const toStored = (session: Session): Provider.Stored => ({
  payload: Buffer.from(session.payload, "latin1"),
  revision: String(session.revision) as Provider.Revision,
  expiresAt: session.expiresAt
})

/** How long a collection may keep all others waiting, in milliseconds, and after how many entries it looks at the time. */
const patience = 3
const batch = 10

/** Lets the event loop do all that waits for it. */
const breath = Effect.callback<void>((resume) => {
  const turn = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(turn))
})

/**
 * Makes a provider that keeps sessions in this process. The cost of removing expired sessions depends on how many have
 * expired, not on how many are stored; requests go on while many are removed.
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
  const sessions = new Shelf<Session>(maxSessions)
  // Apart from the sessions, so that neither evicts the other.
  const marks = new Shelf<Left>(maxSessions)
  // Without a limit: a person's sessions must not be forgotten before they end.
  const people = new Shelf<Session>(undefined)
  // One counter for all of them, so that a revision is never used again.
  let lastRevision = 0

  const at = <A>(f: (now: number) => A): Effect.Effect<A> => withNow((now) => Effect.succeed(f(now)))

  /** Ends a session, and leaves its mark. */
  const leave = (session: Session, mark: Provider.Mark | undefined, now: number): void => {
    sessions.remove(session)
    if (mark !== undefined) {
      const { id } = session
      marks.put(
        {
          id,
          content: toText(mark.content),
          expiresAt: expiry(now, mark.ttl),
          high: false,
          before: undefined,
          after: undefined
        },
        now
      )
    }
  }

  const insert = (
    shelf: Shelf<Session>,
    id: Provider.StoredId,
    payload: Uint8Array,
    expiresAt: number,
    high: boolean,
    now: number
  ): Provider.Written => {
    const revision = ++lastRevision
    shelf.put({ id, payload: toText(payload), revision, expiresAt, high, before: undefined, after: undefined }, now)
    return Provider.written(String(revision), expiresAt)
  }

  /** Removes what has expired, and then calls `f` with the number of sessions that it removed. */
  const collecting = <A>(f: (removed: number) => A, removed = 0): Effect.Effect<A> =>
    withNow((now) => {
      const until = performance.now() + patience
      let all = removed
      let isDone = false
      while (!isDone && performance.now() < until) {
        isDone =
          marks.collect(now, batch, () => {}) &&
          people.collect(now, batch, () => {}) &&
          sessions.collect(now, batch, () => {
            all++
          })
      }
      return isDone ? Effect.succeed(f(all)) : Effect.andThen(breath, collecting(f, all))
    })

  /** The session that a conditional change applies to, or the reason why it does not apply. */
  const toChange = (
    shelf: Shelf<Session>,
    id: Provider.StoredId,
    revision: Provider.Revision,
    now: number
  ): Session | Provider.Conflict | Provider.Gone => {
    const session = shelf.use(id, now)
    return session === undefined
      ? Provider.gone
      : String(session.revision) === revision
        ? session
        : Provider.conflict(toStored(session))
  }

  /** The operations that sessions and the records of people share. */
  const keptOn = (
    shelf: Shelf<Session>,
    isFree: (id: Provider.StoredId, now: number) => boolean
  ): Omit<Provider.Records<never>, "destroy"> => ({
    read: (id) =>
      at((now) => {
        const session = shelf.use(id, now)
        return session === undefined ? Option.none() : Option.some(toStored(session))
      }),
    create: (id, payload, ttl, signedIn = false) =>
      at((now) => (isFree(id, now) ? insert(shelf, id, payload, expiry(now, ttl), signedIn, now) : Provider.exists)),
    write: (id, payload, ttl, revision) =>
      at((now) => {
        const session = toChange(shelf, id, revision, now)
        if ("_tag" in session) {
          return session
        }
        session.payload = toText(payload)
        session.revision = ++lastRevision
        shelf.move(session, expiry(now, ttl))
        return Provider.written(String(session.revision), session.expiresAt)
      })
  })

  // Without `Provider.make`: these calls cannot fail, and their payloads have no limit.
  return {
    name: "memory",
    capabilities: {
      ...Provider.defaultCapabilities,
      durable: false,
      inProcess: true,
      maxPayload: Number.POSITIVE_INFINITY,
      ...(maxSessions === undefined ? {} : { evicts: true })
    },
    ...keptOn(sessions, (id, now) => sessions.get(id, now) === undefined && marks.get(id, now) === undefined),
    touch: (id, ttl) =>
      at((now) => {
        const session = sessions.use(id, now)
        if (session === undefined) {
          return Provider.gone
        }
        sessions.move(session, expiry(now, ttl))
        return Provider.touched(session.expiresAt)
      }),
    exists: (id) => at((now) => sessions.use(id, now) !== undefined),
    destroy: (id, mark) =>
      at((now) => {
        const session = sessions.get(id, now)
        if (session !== undefined) {
          leave(session, mark, now)
        }
      }),
    regenerate: ({ oldId, newId, payload, ttl, revision, mark, signedIn }) =>
      at((now) => {
        const session = toChange(sessions, oldId, revision, now)
        if ("_tag" in session) {
          return session
        }
        leave(session, mark, now)
        return insert(sessions, newId, payload, expiry(now, ttl), signedIn === true || session.high, now)
      }),
    marked: (id) =>
      at((now) =>
        Option.map(Option.fromNullishOr(marks.get(id, now)), ({ content }) => Buffer.from(content, "latin1"))
      ),
    principals: {
      ...keptOn(people, (id, now) => people.get(id, now) === undefined),
      destroy: (id) =>
        at((now) => {
          const record = people.get(id, now)
          if (record !== undefined) {
            people.remove(record)
          }
        })
    },
    count: collecting(() => sessions.size),
    list: Stream.unwrap(
      at((now) =>
        Stream.fromIterable(sessions.live(now)).pipe(
          Stream.map((some) => some.map(({ id }) => id)),
          Stream.flattenIterable
        )
      )
    ),
    gc: collecting((removed) => removed)
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
