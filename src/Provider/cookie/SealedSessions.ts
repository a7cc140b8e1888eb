/**
 * Sessions that clients hold, sealed. The manager uses this service in place of a provider.
 */
import * as Context from "#effect/Context"
import type * as Duration from "#effect/Duration"
import type * as Effect from "#effect/Effect"
import type { SessionError } from "../../SessionError.js"
import type { Provider, StoredId } from "../contract.js"

/** The contents of a seal. */
export interface Sealed {
  /** The session's id. */
  readonly id: string
  /** When the session got this id, in milliseconds since the epoch. */
  readonly createdAt: number
  readonly expiresAt: number
  /** The lifetime that it was sealed for, in milliseconds. */
  readonly lifetime: number
  /** The number of times that the payload was written. */
  readonly writes: number
  readonly payload: Uint8Array
}

/** A session to be sealed. `createdAt` is given if the session exists already. */
export type ToSeal = Pick<Sealed, "id" | "payload" | "writes"> & Partial<Pick<Sealed, "createdAt">>

/** A seal, and its contents. */
export interface Seal {
  /** The cookie's value. It contains no dot. */
  readonly value: string
  readonly sealed: Sealed
}

/** Why a session is over before it expired: it ended, or it got a new id. */
export type Ending = "ended" | "moved"

export interface Ended {
  readonly ending: Ending
  /** When it ended, in milliseconds since the epoch. */
  readonly at: number
}

/** The configured lifetimes, which bound how long a copy of a session can be live. */
export interface Lifetimes {
  readonly idleTimeout: Duration.Duration
  readonly absoluteTimeout: Duration.Duration
  readonly remember: { readonly idleTimeout: Duration.Duration; readonly absoluteTimeout: Duration.Duration }
}

/**
 * The record of when all sessions of a person were ended last. Each such time begins a generation with a random name; a
 * session is over if it is of another one. No clocks are compared.
 */
export interface Generations {
  /** The person's generation; undefined if no session of an earlier one can be live. */
  readonly current: (principal: StoredId) => Effect.Effect<string | undefined, SessionError>
  /** Begins a generation. */
  readonly begin: (principal: StoredId, lifetimes: Lifetimes) => Effect.Effect<void, SessionError>
}

/** The record of the sessions that have ended. */
export interface Endings {
  /** Whether all processes see an ending until no copy of the session can be live. */
  readonly revocable: boolean
  /** The provider in which they are recorded, if there is one. */
  readonly provider?: Provider | undefined
  /** Whether no operation waits for a server. */
  readonly inProcess: boolean
  /** The longest that an operation can take, in milliseconds; `Infinity` if nothing bounds it. */
  readonly answersWithin: number
  /** Whether copies of the session must not be read any more. Always false if this is not `revocable`. */
  readonly isRevoked: (session: Sealed) => Effect.Effect<boolean, SessionError>
  /** Returns how a session ended, if it did. Called before it is sealed again. */
  readonly endingOf: (session: Sealed) => Effect.Effect<Ended | undefined, SessionError>
  /** Ends a session, and returns whether this call ended it. */
  readonly end: (session: Sealed, ending: Ending, lifetimes: Lifetimes) => Effect.Effect<boolean, SessionError>
  /** Left out if this is not `revocable`. */
  readonly generations?: Generations | undefined
  /** Removes the endings of those sessions of which no copy can be live, and returns how many. */
  readonly gc?: Effect.Effect<number, SessionError> | undefined
}

/**
 * A service that seals sessions and knows which of them have ended.
 *
 * @since 3.0.0
 * @category models
 */
export interface Sealing extends Endings {
  /** The name for messages, such as `cookie`. */
  readonly name: string
  /** The largest payload, in bytes. */
  readonly maxPayload: number
  /**
   * Opens the value of a cookie that was sealed for this name, if it is authentic and has not expired. Does not check
   * whether the session has ended.
   */
  readonly unseal: (name: string, value: string) => Effect.Effect<Sealed | undefined>
  /** Seals a session for this name, and for a lifetime that begins now. Fails with `TooLarge`. */
  readonly seal: (name: string, session: ToSeal, ttl: Duration.Duration) => Effect.Effect<Seal, SessionError>
}

/**
 * The tag of the service that seals the sessions which the session manager leaves to clients.
 *
 * @example
 * import { Effect } from "effect"
 * import * as Cookie from "effect-session/cookie"
 *
 * const largest = Effect.map(Cookie.SealedSessions, (sealing) => sealing.maxPayload)
 *
 * @since 3.0.0
 * @category tags
 */
export class SealedSessions extends Context.Service<SealedSessions, Sealing>()("effect-session/SealedSessions") {}
