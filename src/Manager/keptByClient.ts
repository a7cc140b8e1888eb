/**
 * Keeps sessions with clients: the token is the session itself, sealed in the value of cookies.
 *
 * Writes are not compared: the last response that reaches a client wins, and an older token brings back the older data.
 * But a session that has ended, or has another id, is never sealed again.
 */
import { hash } from "node:crypto"
import { millisOf } from "#dialect/clock"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type { Ended, Lifetimes, Seal, Sealed, Sealing, ToSeal } from "../Provider/cookie/SealedSessions.js"
import type { Revision, StoredId } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { Fate, Keeper, Kept, Lost, Saved } from "./Keeper.js"

/** Keeps sessions in cookies, which are sealed for this name. */
export const keptByClient = (
  sealing: Sealing,
  sealedFor: string,
  lifetimes: Lifetimes,
  makeId: () => string
): Keeper => ({
  name: sealing.name,
  maxPayload: sealing.maxPayload,
  inProcess: sealing.inProcess,
  needsResponse: true,
  revocable: sealing.revocable,
  evicts: false,
  opensById: false,
  generations: sealing.generations && {
    current: sealing.generations.current,
    begin: (principal) => sealing.generations!.begin(principal, lifetimes)
  },
  accepts: (token) => token !== "",
  refOf: sha256,
  // Called without arguments: no id inherits characters of another, and `makeId` may have optional parameters.
  makeId: () => makeId(),
  ...reading(sealing, sealedFor),
  ...writing(sealing, sealedFor, lifetimes),
  gc: sealing.gc
})

const reading = (
  { endingOf, isRevoked, unseal }: Sealing,
  sealedFor: string
): Pick<Keeper, "fate" | "find" | "open"> => ({
  open: (token) =>
    whenSealed(unseal(sealedFor, token), undefined, (sealed) =>
      Effect.map(isRevoked(sealed), (revoked) =>
        revoked ? undefined : { kept: toKept({ value: token, sealed }), payload: sealed.payload }
      )
    ),
  find: () => Effect.succeed(undefined),
  fate: (token) =>
    whenSealed(unseal(sealedFor, token), "Unknown" as const, (sealed) =>
      Effect.flatMap(endingOf(sealed), (ended) =>
        Effect.clockWith((clock) => Effect.succeed(fateOf(ended, millisOf(clock))))
      )
    )
})

const writing = (
  { end, endingOf, seal, unseal }: Sealing,
  sealedFor: string,
  lifetimes: Lifetimes
): Pick<Keeper, "begin" | "end" | "renew" | "save" | "touch"> => {
  const keep = (session: ToSeal, ttl: Duration.Duration) => Effect.map(seal(sealedFor, session, ttl), toKept)
  /** The content of the session's seal, if the session has not ended. */
  const current = ({ token }: Kept) =>
    whenSealed(unseal(sealedFor, token!), undefined, (sealed) =>
      Effect.map(endingOf(sealed), (ending) => (ending === undefined ? sealed : undefined))
    )
  return {
    begin: (id, payload, ttl) => keep({ id, payload, writes: 0 }, ttl),
    save: (kept, payload, ttl) =>
      whenSealed(current(kept), lost, (sealed) =>
        Effect.map(keep({ ...sealed, payload, writes: sealed.writes + 1 }, ttl), saved)
      ),
    renew: ({ token }, id, payload, ttl, _, another = false) =>
      whenSealed(unseal(sealedFor, token!), lost, (sealed) =>
        // The new one is sealed before the old one is ended: a session that does not fit must not end.
        Effect.flatMap(keep({ id, payload, writes: 0 }, ttl), (kept) =>
          Effect.map(end(sealed, another ? "ended" : "moved", lifetimes), (isFirst) => (isFirst ? saved(kept) : lost))
        )
      ),
    touch: (kept, ttl) => whenSealed(current(kept), undefined, (sealed) => keep(sealed, ttl)),
    end: (token) =>
      whenSealed(unseal(sealedFor, token), undefined, (sealed) =>
        Effect.as(end(sealed, "ended", lifetimes), sha256(sealed.id))
      )
  }
}

/** Returns the result of `f` for a session, or `otherwise` if there is none. */
const whenSealed = <A, B>(
  session: Effect.Effect<Sealed | undefined, SessionError>,
  otherwise: A,
  f: (sealed: Sealed) => Effect.Effect<B, SessionError>
): Effect.Effect<A | B, SessionError> =>
  Effect.flatMap(
    session,
    (sealed): Effect.Effect<A | B, SessionError> => (sealed === undefined ? Effect.succeed(otherwise) : f(sealed))
  )

const sha256 = (text: string): StoredId => hash("sha256", text, "base64url") as StoredId

const toKept = ({ sealed: { expiresAt, id, writes }, value }: Seal): Kept => ({
  ref: sha256(id),
  id,
  token: value,
  revision: String(writes) as Revision,
  expiresAt
})

const saved = (kept: Kept): Saved => ({ _tag: "Saved", kept })

const lost: Lost = { _tag: "Lost" }

/**
 * How long a request with an ended session counts as late, in milliseconds. After that, the client has merely kept a
 * copy.
 */
const lateFor = 60_000

const fateOf = (ended: Ended | undefined, now: number): Fate =>
  ended === undefined || now - ended.at >= lateFor ? "Unknown" : ended.ending === "ended" ? "Ended" : "Moved"
