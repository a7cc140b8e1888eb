/**
 * The provider contract: the operations of a backend that keeps sessions, their results, and the capabilities that it
 * declares.
 *
 * @since 3.0.0
 */
import type * as Brand from "#effect/Brand"
import type * as Duration from "#effect/Duration"
import type * as Effect from "#effect/Effect"
import type * as Option from "#effect/Option"
import type * as Stream from "#effect/Stream"
import type { SessionError } from "../SessionError.js"

/**
 * The id under which a provider keeps a session. By default it is the SHA-256 of the session id, as 43 characters of
 * base64url, so that a stolen dump holds no usable id; in beego's layout it is the raw session id. The manager checks
 * what clients send before a provider sees it. Even so, a provider escapes the id when it builds a path, key or
 * statement from it.
 *
 * @since 3.0.0
 * @category models
 */
export type StoredId = Brand.Branded<string, "effect-session/StoredId">

/**
 * An opaque token that changes with every write of a session, such as a version column or a CAS unique. A revision is
 * never used again for the same id, not even after the session was destroyed. If it is a hash of the payload
 * (`compareContent`), it is never used for another payload. Only the provider compares revisions: it may give the
 * revision of one write in several forms.
 *
 * @since 3.0.0
 * @category models
 */
export type Revision = Brand.Branded<string, "effect-session/Revision">

/**
 * A live session as a provider holds it. The caller owns the payload: no other reader shares it.
 *
 * @since 3.0.0
 * @category models
 */
export interface Stored {
  readonly payload: Uint8Array
  readonly revision: Revision
  /** When the session expires, in milliseconds since the epoch. It is gone from this millisecond on. */
  readonly expiresAt: number
}

/**
 * The note that a session leaves at its old id when it ends or gets another id, so that a late request can be told what
 * happened. A mark is not a session: it is never read, written, renewed, moved, counted or listed as one, and it is
 * gone after `ttl`.
 *
 * @since 3.0.0
 * @category models
 */
export interface Mark {
  /** At most 512 bytes; it may be empty. */
  readonly content: Uint8Array
  readonly ttl: Duration.Duration
}

/**
 * The result of an operation that stored the session.
 *
 * @since 3.0.0
 * @category models
 */
export interface Written {
  readonly _tag: "Written"
  readonly revision: Revision
  readonly expiresAt: number
}

/**
 * The result of an operation that wrote nothing, because the session is at another revision than the caller read.
 *
 * @since 3.0.0
 * @category models
 */
export interface Conflict {
  readonly _tag: "Conflict"
  /** The session as it is now, if the backend can return it in the same step. Otherwise the caller reads it again. */
  readonly current?: Stored | undefined
}

/**
 * The result of an operation that wrote nothing, because the session does not exist, or no longer does.
 *
 * @since 3.0.0
 * @category models
 */
export interface Gone {
  readonly _tag: "Gone"
}

/**
 * The result of an operation that wrote nothing, because the id is taken.
 *
 * @since 3.0.0
 * @category models
 */
export interface Exists {
  readonly _tag: "Exists"
}

/**
 * The result of an operation that renewed the lifetime.
 *
 * @since 3.0.0
 * @category models
 */
export interface Touched {
  readonly _tag: "Touched"
  readonly expiresAt: number
}

/**
 * The promises of a backend. Each provider documents its own, and the conformance suite checks them.
 *
 * @since 3.0.0
 * @category models
 */
export interface Capabilities {
  /**
   * - `compareAndSet`: `write` and `regenerate` take effect only at the given revision, so no update is lost.
   * - `compareContent`: `write` and `regenerate` take effect only if the payload is still the one that was read, so no
   *   update is lost. A session that was changed and changed back counts as unchanged: a revision comes back with its
   *   payload.
   * - `lastWriteWins`: the last of two concurrent writers overwrites the other.
   */
  readonly consistency: "compareAndSet" | "compareContent" | "lastWriteWins"
  /**
   * - `atomic`: `regenerate` is one step. A crash leaves the session under the old id or under the new one.
   * - `ordered`: `regenerate` takes several steps in a safe order, which other requests see as one. A crash between
   *   them can end the session.
   */
  readonly regenerate: "atomic" | "ordered"
  /** Whether sessions survive the end of this process. */
  readonly durable: boolean
  /** Whether calls complete without waiting. If so, the manager puts no timeout and no span around them. */
  readonly inProcess: boolean
  /**
   * The longest that an operation can take, in milliseconds, because of the provider's own timeout; `Infinity` if it
   * has none. If that is longer than the manager's `timeout`, the manager bounds each call, at the cost of a fiber.
   */
  readonly answersWithin: number
  /** The largest payload, in bytes. A larger one fails with `TooLarge` before anything is lost. */
  readonly maxPayload: number
  /** How much longer than its lifetime a session can be seen, in milliseconds; 0 if the backend is exact. */
  readonly expirySlack: number
  /**
   * How many leading characters of a session id its successor inherits when it is regenerated. They also lead the
   * `StoredId`, unhashed, so that a sharded backend (Redis Cluster) can keep both ids in one place. 0 if not needed.
   */
  readonly inheritedIdChars: number
  /**
   * Whether what is stored may vanish if there is too much, sessions and records of people alike. Such a backend cannot
   * record which sealed cookies have ended, and its list of a person's sessions may lack some. Default false.
   */
  readonly evicts?: boolean | undefined
}

/**
 * The arguments of `regenerate`, which moves a session to another id.
 *
 * @since 3.0.0
 * @category models
 */
export interface Move {
  readonly oldId: StoredId
  readonly newId: StoredId
  readonly payload: Uint8Array
  readonly ttl: Duration.Duration
  /** The revision that the session must be at. */
  readonly revision: Revision
  /** The mark to leave at the old id, in the same step. */
  readonly mark?: Mark | undefined
  /** As in `create`. */
  readonly signedIn?: boolean | undefined
}

/**
 * Records beside the sessions, in a name space of their own: the list of each person's sessions. The operations are
 * those of sessions, and promise the same; `destroy` leaves no mark.
 *
 * @since 3.0.0
 * @category models
 */
export interface Records<out E> {
  readonly read: Calls<E>["read"]
  readonly create: Calls<E>["create"]
  readonly write: Calls<E>["write"]
  readonly destroy: (id: StoredId) => Effect.Effect<void, E>
}

/**
 * The operations of a backend, which fail with `E`.
 *
 * Lifetimes (`ttl`) are positive. From the instant it expires, every operation treats a session as absent, whether or
 * not garbage collection has run.
 *
 * @since 3.0.0
 * @category models
 */
export interface Calls<out E> {
  /** Reads the live session with this id. Reading does not renew it. */
  readonly read: (id: StoredId) => Effect.Effect<Option.Option<Stored>, E>

  /**
   * Stores a new session. Never overwrites a live session or a mark. `signedIn` tells that somebody has signed in, or
   * gained rights: a backend that evicts sessions may end others first.
   */
  readonly create: (
    id: StoredId,
    payload: Uint8Array,
    ttl: Duration.Duration,
    signedIn?: boolean
  ) => Effect.Effect<Written | Exists, E>

  /** Replaces payload and lifetime if the session is at `revision` (compare-and-set). Never brings a session back. */
  readonly write: (
    id: StoredId,
    payload: Uint8Array,
    ttl: Duration.Duration,
    revision: Revision
  ) => Effect.Effect<Written | Conflict | Gone, E>

  /** Renews the lifetime and leaves the revision as it is. Never brings a session back. */
  readonly touch: (id: StoredId, ttl: Duration.Duration) => Effect.Effect<Touched | Gone, E>

  readonly exists: (id: StoredId) => Effect.Effect<boolean, E>

  /**
   * Ends the session, and leaves `mark` in its place in the same step. If there is no session, it succeeds and leaves
   * nothing; a mark that is already there stays.
   */
  readonly destroy: (id: StoredId, mark?: Mark) => Effect.Effect<void, E>

  /**
   * Replaces the session if it is at `revision` and changes its id (compare-and-set). Afterwards the old id is dead and
   * the new one holds the payload. No other request can see both or, if it knows the new id, neither.
   */
  readonly regenerate: (move: Move) => Effect.Effect<Written | Conflict | Gone, E>

  /**
   * Reads the content of the mark at this id, if there is one. Left out if the backend keeps no marks and ignores those
   * that it is given.
   */
  readonly marked?: ((id: StoredId) => Effect.Effect<Option.Option<Uint8Array>, E>) | undefined

  /**
   * The records of the people who have signed in. No session has their ids, even if it is the same text; they are never
   * counted or listed, and `gc` removes those that have expired, without counting them. Left out if the backend
   * cannot keep them by compare-and-set: then nobody can sign in.
   */
  readonly principals?: Records<E> | undefined

  /**
   * Waits until the session at this id has ended or moved, in any process; if there is none, it comes back at once. An
   * expiry need not be told. It may also come back for nothing: the caller looks again. Left out if the backend does not
   * tell; then the caller looks now and then.
   */
  readonly changed?: ((id: StoredId) => Effect.Effect<void, E>) | undefined

  /** The number of live sessions. Left out if the backend cannot count. */
  readonly count?: Effect.Effect<number, E> | undefined

  /** The ids of the live sessions, in no particular order. Left out if the backend cannot list them. */
  readonly list?: Stream.Stream<StoredId, E> | undefined

  /**
   * Removes expired sessions in bounded batches, and returns how many. Left out if the backend expires sessions by
   * itself.
   */
  readonly gc?: Effect.Effect<number, E> | undefined
}

/**
 * The input of {@link make}: a backend's operations, which may fail with anything, its name and its capabilities.
 *
 * @since 3.0.0
 * @category models
 */
export interface Backend<out E = unknown> extends Calls<E> {
  /** The name in messages, spans and metrics, such as `redis`. */
  readonly name: string
  readonly capabilities: Capabilities
}

/**
 * A backend as the session manager uses it. Every operation returns in bounded time, or fails with a `SessionError`
 * (`Unavailable`, `TooLarge`).
 *
 * @since 3.0.0
 * @category models
 */
export interface Provider extends Backend<SessionError> {}
