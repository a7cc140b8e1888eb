/**
 * The port between a request's session and the place where sessions are kept, in terms of the tokens that clients send.
 * `keptByServer` implements it over a provider, `keptByClient` over sealed cookies. The code above it does not know
 * which of the two it uses.
 */
import type * as Duration from "#effect/Duration"
import type * as Effect from "#effect/Effect"
import type * as Stream from "#effect/Stream"
import type { Generations } from "../Provider/cookie/SealedSessions.js"
import type { Records, Revision, StoredId } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"

/** A stored session, as it was read or written last. */
export interface Kept {
  /** Names the session in the backend and in events, without revealing its id. */
  readonly ref: StoredId
  /** The session's own id, a secret; undefined if this client must not learn it. */
  readonly id: string | undefined
  /**
   * The token that the client sends to get the session: its id or, if clients hold sessions, the whole session.
   * Undefined like `id`.
   */
  readonly token: string | undefined
  readonly revision: Revision
  /** In milliseconds since the epoch. */
  readonly expiresAt: number
}

/** A session that was read. */
export interface Found {
  readonly kept: Kept
  /** Undefined if it cannot be opened: see `opensById`, or this app has not stored it. */
  readonly payload: Uint8Array | undefined
  /** Whether it was under another `ref` until now, with the same id. */
  readonly hasMoved?: boolean | undefined
}

/** Nothing was written: the session is at another revision. */
export interface Changed {
  readonly _tag: "Changed"
  /** The session that is there now, if the backend reported it in the same step. */
  readonly current: Found | undefined
}

/** Nothing was written: the session is not there any more. */
export interface Lost {
  readonly _tag: "Lost"
}

/** The session was written. */
export interface Saved {
  readonly _tag: "Saved"
  readonly kept: Kept
}

/**
 * The fate of a session that is not there: it was ended, it has another id that this client must not learn, or it is
 * unknown (it expired, it never existed, or the mark that it left is gone).
 */
export type Fate = "Ended" | "Moved" | "Unknown"

/**
 * Why a session changes its id: its user signs in or gains rights, so that whoever knew the old id must not follow; or
 * its id is old, and its client may go on with it for a while.
 */
export type Cause = "rights" | "age"

export interface Keeper {
  /** The name in messages and spans, such as `redis`. */
  readonly name: string
  /** The largest payload, in bytes. */
  readonly maxPayload: number
  /** Whether calls complete without waiting, so that they need no bound and no span. */
  readonly inProcess: boolean
  /** Whether every write has to reach the client in a response, since the client holds the session. */
  readonly needsResponse: boolean
  /** Whether ending a session ends every copy of it. */
  readonly revocable: boolean
  /** The records of the people who have signed in; left out if the backend keeps none. */
  readonly principals?: Records<SessionError> | undefined
  /** When all sessions of a person were ended last, if clients hold the sessions and endings are recorded. */
  readonly generations?:
    | (Pick<Generations, "current"> & { readonly begin: (principal: StoredId) => Effect.Effect<void, SessionError> })
    | undefined
  /** Whether what is stored may vanish if there is too much. */
  readonly evicts: boolean

  /** Whether a text that a client sent has the form of a token. */
  readonly accepts: (token: string) => boolean
  /** Names a token's session in events. */
  readonly refOf: (token: string) => StoredId
  /** A fresh id from the system's secure random source, for a new session or for one that renews its id. */
  readonly makeId: (predecessor: Kept | undefined) => string

  /**
   * Reads the live session of a token. If the id was renewed because of its age, this is the successor for a while, and
   * `Reused` after that.
   */
  readonly open: (token: string) => Effect.Effect<Found | "Reused" | undefined, SessionError>
  /**
   * Whether a session opens with its id alone: then `find` finds only whether a session is there, unless it is given
   * the id.
   */
  readonly opensById: boolean
  /**
   * Reads the live session of a `ref` or, if it moved, its successor: without the id and the token, which only its
   * client may know. `id` is that of the session at `ref`, if the caller knows it.
   */
  readonly find: (ref: StoredId, id?: string) => Effect.Effect<Found | undefined, SessionError>
  /** Stores a new session; `cause` is given if its request was to renew the id. */
  readonly begin: (
    id: string,
    payload: Uint8Array,
    ttl: Duration.Duration,
    cause?: Cause
  ) => Effect.Effect<Kept, SessionError>
  /** Saves the session with compare-and-set. Never brings a session back. */
  readonly save: (
    kept: Kept,
    payload: Uint8Array,
    ttl: Duration.Duration
  ) => Effect.Effect<Saved | Changed | Lost, SessionError>
  /**
   * Gives the session a new id with compare-and-set. The old id is dead from then on, and its fate is `Moved` for a
   * while; if the cause is its age, it leads to the session for a while. If `another` person signs in, the session of the
   * one before has `Ended` instead.
   */
  readonly renew: (
    kept: Kept,
    id: string,
    payload: Uint8Array,
    ttl: Duration.Duration,
    cause: Cause,
    another?: boolean
  ) => Effect.Effect<Saved | Changed | Lost, SessionError>
  /** Renews the lifetime; undefined if the session is not there any more. */
  readonly touch: (kept: Kept, ttl: Duration.Duration) => Effect.Effect<Kept | undefined, SessionError>
  /** Ends the session of a token, if there is one, and returns its `ref`. Its fate is `Ended` for a while. */
  readonly end: (token: string) => Effect.Effect<StoredId | undefined, SessionError>
  /** Looks up the fate of the session of a token that is not there, or the session itself, if the token leads to it. */
  readonly fate: (token: string) => Effect.Effect<Fate | Found, SessionError>

  /** Waits until the session of a `ref` may have ended or moved. Left out if the backend does not tell. */
  readonly changed?: ((ref: StoredId) => Effect.Effect<void, SessionError>) | undefined
  /**
   * Ends the session of a `ref` from `list`. Left out if sessions can be reached only in a request of their client.
   */
  readonly endRef?: ((ref: StoredId) => Effect.Effect<void, SessionError>) | undefined
  /**
   * The number of live sessions, as in `Provider`. `count`, `list` and `gc` are left out if sessions cannot be counted,
   * listed or collected.
   */
  readonly count?: Effect.Effect<number, SessionError> | undefined
  readonly list?: Stream.Stream<StoredId, SessionError> | undefined
  readonly gc?: Effect.Effect<number, SessionError> | undefined
}

/** The tokens that a client sent. */
export interface Sent {
  /** Texts with the form of a token; at most two. */
  readonly tokens: ReadonlyArray<string>
  /** Whether there were more: if neither of the two names a session, one of the others may. */
  readonly more: boolean
  /**
   * Whether the client sent several cookies of one name, because its domain or path was changed or another app has set
   * one.
   */
  readonly doubled: boolean
  readonly via: "cookie" | "query" | "header"
  /** What a browser shows of its device; undefined if sessions are not bound to any, or outside of a request. */
  readonly shown?: Shown | undefined
}

/** What a browser shows of its device. */
export interface Shown {
  /** The values of the bound cookies. */
  readonly cookies: ReadonlyArray<string>
  /** The header that says why there is none. */
  readonly skipped: string | undefined
}

/** What a response offers to a browser: to bind the session to its device. */
export interface Offer {
  readonly challenge: string
  /** The value of the bound cookie, for the time until the browser has done it. */
  readonly cookie: string
}

/**
 * The news in a response: a token that the client has to send from now on, or that it has to forget its token. `lasts` is
 * how long the browser is to keep the cookie, in milliseconds, or until the browser ends; without it, it is for
 * `cookie.maxAge`, or until the browser ends.
 */
export type Reply =
  | { readonly token: string; readonly lasts?: number | "browser" | undefined; readonly offer?: Offer | undefined }
  | "forget"
