/**
 * Begins a session: for a client that has none, or that must not have the one it knows.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { SessionError } from "../SessionError.js"
import { forked } from "./Calls.js"
import { contentOn } from "./content.js"
import { noResponse } from "./headersSent.js"
import { notesOfNew } from "./notes.js"
import type { Base, Outcome } from "./Outcome.js"
import { listing } from "./people/listing.js"
import type { RequestState } from "./RequestState.js"

type Step = Effect.Effect<Outcome, SessionError>

/**
 * The error of a request that came too late, or with two cookies: its changes would go to someone else's session, or
 * sign its visitor out.
 */
export const late = (session: RequestState): SessionError =>
  new SessionError({
    reason: "Gone",
    message:
      session.origin._tag === "Ambiguous"
        ? `${session.env.keeper.name}: the client sent two cookies of live sessions: nothing was stored; this response removes one of them, so send the request again`
        : `${session.env.keeper.name}: the client's session ended, or got a new id, before this request could change it: nothing was stored; send the request again with the client's current cookie or header`
  })

/** The error of a request that would change a bound session without a proof. */
const needsProof = (session: RequestState): SessionError =>
  new SessionError({
    reason: "SignInNeeded",
    message: `${session.env.keeper.name}: the session is bound to a device, and the request brings no fresh proof of it (deviceBound): nothing was stored; ask the user to sign in again`
  })

/**
 * Begins a session, unless the client named one that ended or moved a moment ago: then the client has a newer token by
 * now.
 */
export const begin = (session: RequestState): Step => {
  const { origin, renewing, sent, signing } = session
  if (origin._tag === "Unproven" && signing === undefined) {
    return Effect.fail(needsProof(session))
  }
  if (renewing || origin._tag === "None" || sent === undefined) {
    return create(session, undefined, true)
  }
  if (origin._tag === "Ambiguous") {
    return Effect.fail(late(session))
  }
  return Effect.flatMap(Effect.forEach(sent.tokens, session.env.keeper.fate), (fates) =>
    fates.every((fate) => fate === "Unknown") ? create(session, undefined, true) : Effect.fail(late(session))
  )
}

/** Fails, unless the app admits the request's client; undefined if it is not asked, or has been. */
const admission = (session: RequestState): Effect.Effect<void, SessionError> | undefined => {
  const { keeper, patience } = session.env
  const asked = session.admission
  if (asked === undefined) {
    return undefined
  }
  const late = new SessionError({
    reason: "Unavailable",
    message: `admit: no answer within ${patience.millis} ms: let it answer by itself before the session's timeout`
  })
  return Effect.flatMap(forked({ millis: patience.millis, late: Effect.fail(late) })(asked), (admitted) =>
    admitted
      ? Effect.void
      : new SessionError({
          reason: "NotAdmitted",
          message: `${keeper.name}: admit did not let this client have a session: nothing was stored`
        })
  )
}

/**
 * Stores a new session, with the data of `from`, if there is one, and this request's changes. `asking` whether its client
 * may have one, because it had none.
 */
export const create = (session: RequestState, from: Base | undefined, asking = false): Step =>
  Effect.clockWith((clock) => {
    const { keeper } = session.env
    const id = session.successorId
    const now = millisOf(clock)
    return Effect.flatMapEager(
      contentOn(session, from, notesOfNew(session, from, id, now), now),
      ({ count, data, lifetime, payload }): Step => {
        if (Object.keys(data.values).length === 0 && data.owner === undefined) {
          // Nothing is stored for a visitor without data.
          return Effect.succeed<Outcome>({ _tag: "Empty" })
        }
        if (session.stage === "socket") {
          return noResponse("save")
        }
        const ttl = Duration.millis(lifetime)
        const cause = session.renewing ? "rights" : undefined
        const storing = Effect.map(keeper.begin(id, payload, ttl, cause), (kept) => ({ _tag: "Saved" as const, kept }))
        const isDescendant = session.signing === undefined
        const created = Effect.map(
          listing(session, data, isDescendant ? from?.data.owner?.family : undefined, cause, storing),
          (result): Outcome =>
            result._tag === "Saved"
              ? { _tag: "Created", base: { kept: result.kept, data }, count }
              : { _tag: "Lost", ref: from!.kept.ref }
        )
        const admitting = asking ? admission(session) : undefined
        return admitting === undefined ? created : Effect.flatMap(admitting, () => created)
      }
    )
  })
