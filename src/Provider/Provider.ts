/**
 * The provider contract: what a backend does for sessions. A provider keeps opaque payloads under ids for a limited time. It
 * knows nothing of fields, HTTP or cookies. `docs/writing-a-provider.md` tells how to write one; `effect-session/testing` holds the
 * conformance suite that each provider passes.
 *
 * @since 0.1.0
 */
import type * as Brand from "effect/Brand"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { fromCause, type SessionError, tooLarge } from "../SessionError.js"

/**
 * The id under which a provider keeps a session: by default the SHA-256 of the session id, as 43 characters of base64url, so
 * that a stolen dump holds no usable id. In beego's layout it is the raw session id. The manager checks what clients send
 * before a provider sees it; a provider still never builds a path, key or statement from one unescaped.
 *
 * @since 0.1.0
 * @category models
 */
export type StoredId = Brand.Branded<string, "effect-session/StoredId">

/**
 * An opaque token that changes with every write of a session: a version column, a CAS unique. A revision is never used again for the
 * same id, not even after the session was destroyed; where it is a hash of the payload (`compareContent`), not for another payload.
 *
 * @since 0.1.0
 * @category models
 */
export type Revision = Brand.Branded<string, "effect-session/Revision">

/**
 * A live session as a provider holds it. The caller owns the payload: it is never shared with another reader.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stored {
  readonly payload: Uint8Array
  readonly revision: Revision
  /** When it expires, in milliseconds since the epoch. From that very millisecond on it is gone. */
  readonly expiresAt: number
}

/**
 * What a session leaves at its id when it ends or gets another id, so that a request which was late can be told what happened. A mark
 * is no session: it is never read, written, renewed, moved, counted or listed as one, and it is gone after `ttl`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mark {
  /** At most 256 bytes; it may be empty. */
  readonly content: Uint8Array
  readonly ttl: Duration.Duration
}

/**
 * The session was stored.
 *
 * @since 0.1.0
 * @category models
 */
export interface Written {
  readonly _tag: "Written"
  readonly revision: Revision
  readonly expiresAt: number
}

/**
 * Nothing was written: the session is at another revision than the caller read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Conflict {
  readonly _tag: "Conflict"
  /** What is there now, where the backend can tell in the same step. Otherwise the caller reads again. */
  readonly current?: Stored | undefined
}

/**
 * Nothing was written: the session does not exist, or exists no longer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Gone {
  readonly _tag: "Gone"
}

/**
 * Nothing was written: the id is taken.
 *
 * @since 0.1.0
 * @category models
 */
export interface Exists {
  readonly _tag: "Exists"
}

/**
 * The lifetime was renewed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Touched {
  readonly _tag: "Touched"
  readonly expiresAt: number
}

/**
 * What a backend can promise. Documented per provider, and what the conformance suite holds it to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Capabilities {
  /**
   * - `compareAndSet`: `write` and `regenerate` take effect only at the revision given; no update is lost.
   * - `compareContent`: the same, but the payload itself is compared, so that a session which was changed and changed back counts as
   *   unchanged: a revision comes back with its payload.
   * - `lastWriteWins`: the last of two concurrent writers overwrites the other.
   */
  readonly consistency: "compareAndSet" | "compareContent" | "lastWriteWins"
  /**
   * - `atomic`: `regenerate` is one step: a crash leaves the session under the old id or under the new one.
   * - `ordered`: several steps in a safe order, of which other requests see one; a crash between them can end the session.
   */
  readonly regenerate: "atomic" | "ordered"
  /** Whether sessions survive the end of this process. */
  readonly durable: boolean
  /** Whether calls complete without waiting. The manager puts no timeout and no span around them. */
  readonly inProcess: boolean
  /**
   * How long an operation takes at most, in milliseconds, by a timeout of the provider's own; `Infinity` where it has none. Where
   * that is longer than the manager's `timeout`, the manager bounds each call, at the cost of a fiber.
   */
  readonly answersWithin: number
  /** The largest payload, in bytes. A larger one fails with `TooLarge` before anything is lost. */
  readonly maxPayload: number
  /** How much longer than its lifetime a session can be seen, in milliseconds; 0 for a backend that is exact. */
  readonly expirySlack: number
  /**
   * How many leading characters of a session id its successor inherits when it is regenerated. They also lead the
   * `StoredId`, unhashed, so that a sharded backend (Redis Cluster) can keep both ids in one place. 0 where not needed.
   */
  readonly inheritedIdChars: number
}

/**
 * What a move of a session to another id needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Move {
  readonly oldId: StoredId
  readonly newId: StoredId
  readonly payload: Uint8Array
  readonly ttl: Duration.Duration
  /** The revision that the session has to be at. */
  readonly revision: Revision
  /** What is left at the old id, in the same step. */
  readonly mark?: Mark | undefined
}

/**
 * The operations of a backend, which fail with `E`.
 *
 * Lifetimes (`ttl`) are positive. From the instant it expires, every operation treats a session as absent, whether or not garbage
 * collection has run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Calls<out E> {
  /** The live session of this id. Reading does not renew it. */
  readonly read: (id: StoredId) => Effect.Effect<Option.Option<Stored>, E>

  /** Stores a new session; never overwrites a live one, nor a mark. */
  readonly create: (id: StoredId, payload: Uint8Array, ttl: Duration.Duration) => Effect.Effect<Written | Exists, E>

  /** Compare-and-set: replaces payload and lifetime if the session is at `revision`. Never brings a session back. */
  readonly write: (
    id: StoredId,
    payload: Uint8Array,
    ttl: Duration.Duration,
    revision: Revision
  ) => Effect.Effect<Written | Conflict | Gone, E>

  /** Renews the lifetime, and only that: the revision stays. Never brings a session back. */
  readonly touch: (id: StoredId, ttl: Duration.Duration) => Effect.Effect<Touched | Gone, E>

  readonly exists: (id: StoredId) => Effect.Effect<boolean, E>

  /**
   * Ends the session, and leaves `mark` in its place in the same step. Ending one that does not exist succeeds and leaves nothing; a
   * mark that is there already stays.
   */
  readonly destroy: (id: StoredId, mark?: Mark) => Effect.Effect<void, E>

  /**
   * Compare-and-set that also changes the id: after it the old id is dead and the new one holds the payload. No other request
   * can see both or, knowing the new id, neither.
   */
  readonly regenerate: (move: Move) => Effect.Effect<Written | Conflict | Gone, E>

  /** The content of the mark at this id, if there is one. Left out if the backend keeps none: it ignores those that it is given. */
  readonly marked?: ((id: StoredId) => Effect.Effect<Option.Option<Uint8Array>, E>) | undefined

  /** The number of live sessions. Left out if the backend cannot count. */
  readonly count?: Effect.Effect<number, E> | undefined

  /** The ids of the live sessions, in no order. Left out if the backend cannot list. */
  readonly list?: Stream.Stream<StoredId, E> | undefined

  /** Removes expired sessions in bounded batches, and returns their number. Left out if the backend expires sessions by itself. */
  readonly gc?: Effect.Effect<number, E> | undefined
}

/**
 * What {@link make} makes a provider of: the operations, whatever they fail with, a name and what the backend can do.
 *
 * @since 0.1.0
 * @category models
 */
export interface Backend<out E = unknown> extends Calls<E> {
  /** The name in messages, spans and metrics, such as `redis`. */
  readonly name: string
  readonly capabilities: Capabilities
}

/**
 * A backend as the session manager uses it. Every operation returns in bounded time, or fails with a `SessionError` (`Unavailable`,
 * `TooLarge`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Provider extends Backend<SessionError> {}

/**
 * The backend that the session manager uses.
 *
 * @example
 * import { Effect } from "effect"
 * import { SessionProvider } from "effect-session"
 *
 * const backend = Effect.map(SessionProvider.SessionProvider, (provider) => provider.name)
 *
 * @since 0.1.0
 * @category tags
 */
export class SessionProvider extends Context.Tag("effect-session/SessionProvider")<SessionProvider, Provider>() {}

/**
 * What a server-side backend with compare-and-set and exact expiry has; a provider states where it differs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const defaultCapabilities: Capabilities = {
  consistency: "compareAndSet",
  regenerate: "atomic",
  durable: true,
  inProcess: false,
  answersWithin: Number.POSITIVE_INFINITY,
  maxPayload: 16 * 1024 * 1024,
  expirySlack: 0,
  inheritedIdChars: 0
}

/**
 * The same operations with each call mapped by `call`, which is asked once an operation, and the listing by `list`.
 *
 * @example
 * import { Effect } from "effect"
 * import { SessionProvider } from "effect-session"
 *
 * const logged = (provider: SessionProvider.Provider): SessionProvider.Provider => ({
 *   ...provider,
 *   ...SessionProvider.mapCalls(
 *     provider,
 *     (operation) => Effect.tapError((error) => Effect.logDebug(operation, error.reason)),
 *     (list) => list
 *   )
 * })
 *
 * @since 0.1.0
 * @category combinators
 */
export const mapCalls = <E, E2 = E>(
  calls: Calls<E>,
  call: (operation: keyof Calls<E>) => <A>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E2>,
  list: (list: Stream.Stream<StoredId, E>) => Stream.Stream<StoredId, E2>
): Calls<E2> => {
  const [read, create, write, touch, exists, destroy, regenerate, marked] = [
    call("read"),
    call("create"),
    call("write"),
    call("touch"),
    call("exists"),
    call("destroy"),
    call("regenerate"),
    call("marked")
  ]
  return {
    read: (id) => read(calls.read(id)),
    create: (id, payload, ttl) => create(calls.create(id, payload, ttl)),
    write: (id, payload, ttl, revision) => write(calls.write(id, payload, ttl, revision)),
    touch: (id, ttl) => touch(calls.touch(id, ttl)),
    exists: (id) => exists(calls.exists(id)),
    destroy: (id, mark) => destroy(calls.destroy(id, mark)),
    regenerate: (move) => regenerate(calls.regenerate(move)),
    marked: calls.marked && ((id) => marked(calls.marked!(id))),
    count: calls.count && call("count")(calls.count),
    list: calls.list && list(calls.list),
    gc: calls.gc && call("gc")(calls.gc)
  }
}

/**
 * Makes a provider of the operations of a backend, which may fail with anything, such as what a driver's promises reject with. A payload
 * over `capabilities.maxPayload` fails with `TooLarge` before it reaches `create`, `write` or `regenerate`. Whatever an operation fails
 * with becomes `Unavailable`, with a message that names the backend and the operation; a `SessionError` stays as it is. Of an error the
 * message has the `code`, or else the name, since the rest can hold ids and values; a string is shown as it is.
 *
 * @example
 * import { Effect, Option } from "effect"
 * import { SessionProvider } from "effect-session"
 *
 * declare const client: {
 *   readonly find: (id: string) => Promise<SessionProvider.Stored | undefined>
 *   readonly remove: (id: string) => Promise<void>
 * }
 * declare const rest: Omit<SessionProvider.Calls<unknown>, "read" | "destroy">
 *
 * const provider = SessionProvider.make({
 *   ...rest,
 *   name: "mine",
 *   capabilities: { ...SessionProvider.defaultCapabilities, maxPayload: 64 * 1024 },
 *   // Where it rejects: "mine: read failed (ECONNREFUSED): check that the backend is up and reachable"
 *   read: (id) => Effect.map(Effect.tryPromise(() => client.find(id)), Option.fromNullable),
 *   destroy: (id) => Effect.tryPromise(() => client.remove(id))
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (backend: Backend): Provider => {
  const { capabilities, name } = backend
  const { maxPayload } = capabilities
  const calls = mapCalls(
    backend,
    (operation) => {
      const toError = fromCause(name, operation)
      // `mapError` costs a call that succeeds some 0.3 µs more.
      return Effect.catchAllCause((cause) => Effect.failCause(Cause.map(cause, toError)))
    },
    Stream.mapError(fromCause(name, "list"))
  )
  const within = <A>(
    payload: Uint8Array,
    call: () => Effect.Effect<A, SessionError>
  ): Effect.Effect<A, SessionError> =>
    payload.length > maxPayload ? Effect.fail(tooLarge(name, payload.length, maxPayload)) : call()
  return {
    ...calls,
    name,
    capabilities,
    create: (id, payload, ttl) => within(payload, () => calls.create(id, payload, ttl)),
    write: (id, payload, ttl, revision) => within(payload, () => calls.write(id, payload, ttl, revision)),
    regenerate: (move) => within(move.payload, () => calls.regenerate(move))
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const gone: Gone = { _tag: "Gone" }

/**
 * @since 0.1.0
 * @category constructors
 */
export const exists: Exists = { _tag: "Exists" }

/**
 * @since 0.1.0
 * @category constructors
 */
export const written = (revision: string, expiresAt: number): Written => ({
  _tag: "Written",
  revision: revision as Revision,
  expiresAt
})

/**
 * @since 0.1.0
 * @category constructors
 */
export const touched = (expiresAt: number): Touched => ({ _tag: "Touched", expiresAt })

/**
 * @since 0.1.0
 * @category constructors
 */
export const conflict = (current?: Stored): Conflict => ({ _tag: "Conflict", current })

export {
  /**
   * @since 0.1.0
   * @category constructors
   */
  tooLarge,
  /**
   * @since 0.1.0
   * @category constructors
   */
  unavailable
} from "../SessionError.js"
