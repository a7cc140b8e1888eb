/**
 * The port between a request's session and where sessions are kept, in terms of what a client sends. `keptByServer` implements it over
 * a provider, `keptByClient` over sealed cookies. Nothing above it knows which of the two it is.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Revision, StoredId } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"

/** A stored session, as it was read or written last. */
export interface Kept {
  /** Names the session in the backend and in events, and tells nothing of its id. */
  readonly ref: StoredId
  /** The session's own id, a secret; undefined if this client must not learn it. */
  readonly id: string | undefined
  /** What the client sends to get the session: its id or, if clients hold sessions, all of it. Undefined like `id`. */
  readonly token: string | undefined
  readonly revision: Revision
  /** In milliseconds since the epoch. */
  readonly expiresAt: number
}

/** A session that was read. */
export interface Found {
  readonly kept: Kept
  readonly payload: Uint8Array
}

/** Nothing was written: the session is at another revision. */
export interface Changed {
  readonly _tag: "Changed"
  /** What is there now, if that was told in the same step. */
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
 * What became of a session that is not there: it was ended, it has another id, or nobody knows (it expired, it never was, or the mark
 * that it left is gone).
 */
export type Fate = "Ended" | "Moved" | "Unknown"

export interface Keeper {
  /** The name for messages and spans, such as `redis`. */
  readonly name: string
  /** The largest payload, in bytes. */
  readonly maxPayload: number
  /** Whether calls complete without waiting, so that they need no bound and no span. */
  readonly inProcess: boolean
  /** Whether every write has to reach the client by a response, since the client holds the session. */
  readonly needsResponse: boolean
  /** Whether ending a session ends every copy of it. */
  readonly revocable: boolean

  /** Whether what a client sent can be a session's token at all. */
  readonly accepts: (token: string) => boolean
  /** Names a token's session in events. */
  readonly refOf: (token: string) => StoredId
  /** A fresh id from the system's secure random source, for a new session or for one that renews its id. */
  readonly makeId: (predecessor: Kept | undefined) => string

  /** The live session of a token. */
  readonly open: (token: string) => Effect.Effect<Found | undefined, SessionError>
  /** The live session of a `ref`, without the id and token, which are its client's; if it moved, its successor. */
  readonly find: (ref: StoredId) => Effect.Effect<Found | undefined, SessionError>
  /** Stores a new session. */
  readonly begin: (id: string, payload: Uint8Array, ttl: Duration.Duration) => Effect.Effect<Kept, SessionError>
  /** Compare-and-set. Never brings a session back. */
  readonly save: (
    kept: Kept,
    payload: Uint8Array,
    ttl: Duration.Duration
  ) => Effect.Effect<Saved | Changed | Lost, SessionError>
  /** Compare-and-set that gives the session a new id. The old id is dead from then on, and its fate is `Moved` for a while. */
  readonly renew: (
    kept: Kept,
    id: string,
    payload: Uint8Array,
    ttl: Duration.Duration
  ) => Effect.Effect<Saved | Changed | Lost, SessionError>
  /** Renews the lifetime; undefined if the session is not there any more. */
  readonly touch: (kept: Kept, ttl: Duration.Duration) => Effect.Effect<Kept | undefined, SessionError>
  /** Ends the session of a token, if there is one, and returns what names it. Its fate is `Ended` for a while. */
  readonly end: (token: string) => Effect.Effect<StoredId | undefined, SessionError>
  /** What became of the session of a token that is not there. */
  readonly fate: (token: string) => Effect.Effect<Fate, SessionError>

  /** Ends a session by what `list` gives. Left out if sessions cannot be reached without the request of their client. */
  readonly endRef?: ((ref: StoredId) => Effect.Effect<void, SessionError>) | undefined
  /** As of a `Provider`, each left out if sessions cannot be counted, listed or collected. */
  readonly count?: Effect.Effect<number, SessionError> | undefined
  readonly list?: Stream.Stream<StoredId, SessionError> | undefined
  readonly gc?: Effect.Effect<number, SessionError> | undefined
}

/** What a client sent. */
export interface Sent {
  /** What can be a session's token; at most two are tried. */
  readonly tokens: ReadonlyArray<string>
  /** Whether there were more: if none of the two is of use, one of the others may be the visitor's. */
  readonly more: boolean
  /** Whether it sent several cookies of one name: after its domain or path was changed, or since somebody else has set one. */
  readonly doubled: boolean
  readonly via: "cookie" | "query" | "header"
}

/** What a response tells its client: a token to come back with, or that there is none any more. */
export type Reply = { readonly token: string } | "forget"
