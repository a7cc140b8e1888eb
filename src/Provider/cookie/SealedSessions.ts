/**
 * Sessions that clients hold, sealed: what the manager uses in place of a provider.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { SessionError } from "../../SessionError.js"

/** What is in a seal. */
export interface Sealed {
  /** The session's id. */
  readonly id: string
  /** When the session got this id, in milliseconds since the epoch. */
  readonly createdAt: number
  readonly expiresAt: number
  /** The lifetime that it was sealed for, in milliseconds. */
  readonly lifetime: number
  /** How often the payload was written. */
  readonly writes: number
  readonly payload: Uint8Array
}

/** A session to be sealed; one that is there already, with its beginning. */
export type ToSeal = Pick<Sealed, "id" | "payload" | "writes"> & Partial<Pick<Sealed, "createdAt">>

/** A seal, and what is in it. */
export interface Seal {
  /** The cookie's value. There is no dot in it. */
  readonly value: string
  readonly sealed: Sealed
}

/** Why a session is over before it expired: it was ended, or its id was renewed. */
export type Ending = "ended" | "moved"

export interface Ended {
  readonly ending: Ending
  /** When it ended, in milliseconds since the epoch. */
  readonly at: number
}

/** The configured lifetimes, which bound for how long a copy of a session can be live. */
export interface Lifetimes {
  readonly idleTimeout: Duration.Duration
  readonly absoluteTimeout: Duration.Duration
}

/** What is known of the sessions that have ended. */
export interface Endings {
  /** Whether an ending is known to all processes, until no copy of the session can be live. */
  readonly revocable: boolean
  /** Whether nothing here waits for a server. */
  readonly inProcess: boolean
  /** How long an operation takes at most, in milliseconds; `Infinity` if nothing bounds it. */
  readonly answersWithin: number
  /** Whether no copy of a session may be read any more. Always false if it is not `revocable`. */
  readonly isRevoked: (session: Sealed) => Effect.Effect<boolean, SessionError>
  /** How a session ended, if it did; asked before it is sealed again. */
  readonly endingOf: (session: Sealed) => Effect.Effect<Ended | undefined, SessionError>
  /** Ends a session; whether it was this call that did. */
  readonly end: (session: Sealed, ending: Ending, lifetimes: Lifetimes) => Effect.Effect<boolean, SessionError>
  /** Removes the endings of sessions of which no copy can be live. */
  readonly gc?: Effect.Effect<number, SessionError> | undefined
}

/**
 * A way to seal sessions, and what is known of those that have ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sealing extends Endings {
  /** The name for messages, such as `cookie`. */
  readonly name: string
  /** The largest payload, in bytes. */
  readonly maxPayload: number
  /** What the value of a cookie of this name holds, if it is authentic and has not expired. Does not ask whether it has ended. */
  readonly unseal: (cookieName: string, value: string) => Effect.Effect<Sealed | undefined>
  /** Seals a session for a lifetime from now on. Fails with `TooLarge`. */
  readonly seal: (cookieName: string, session: ToSeal, ttl: Duration.Duration) => Effect.Effect<Seal, SessionError>
}

/**
 * What seals the sessions that the session manager leaves to clients.
 *
 * @example
 * import { Effect } from "effect"
 * import * as Cookie from "effect-session/cookie"
 *
 * const largest = Effect.map(Cookie.SealedSessions, (sealing) => sealing.maxPayload)
 *
 * @since 0.1.0
 * @category tags
 */
export class SealedSessions extends Context.Tag("effect-session/SealedSessions")<SealedSessions, Sealing>() {}
