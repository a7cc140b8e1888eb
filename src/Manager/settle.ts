/**
 * Applies the outcome of a commit: to the request's state, to the reply to its client, and to the events.
 */
import type { Binding } from "../Store/Codec.js"
import { challengeOf, cookieOf, firstChallengeOf } from "./bound/binding.js"
import { cookieLifetimeOf } from "./lifetimes.js"
import type { Base, Outcome } from "./Outcome.js"
import type { RequestState } from "./RequestState.js"

type Stored = Extract<Outcome, { readonly count: number; readonly base: Base }>

const settleStored = (session: RequestState, outcome: Stored): void => {
  const { keeper, telemetry } = session.env
  const { _tag, base, count } = outcome
  const before = session.base
  offer(session, outcome)
  session.stored(base, count, _tag === "Saved" ? undefined : base.kept.id)
  if (session.isNews(base) || keeper.needsResponse || cookieLifetimeOf(session, base) !== undefined) {
    session.tell(base)
  }
  // An event names the session as before, even if it has another id now.
  telemetry.emit(_tag, _tag === "Regenerated" && before !== undefined ? before.kept.ref : base.kept.ref, session)
}

/** Offers to bind the session in which somebody has signed in, unless a browser has done so. */
const offer = (session: RequestState, { _tag, base }: Stored): void => {
  const { device } = session.env
  const binding = base.data.owner?.binding
  if (device !== undefined && binding !== undefined && session.signing !== undefined && _tag !== "Saved") {
    session.offer =
      binding.key === undefined
        ? { challenge: challengeIn(session, base, binding), cookie: cookieOf(device, binding) }
        : undefined
  }
}

/** Names the session, since its browser may answer without the cookie: unless it is stored under its id, a secret. */
const challengeIn = ({ env: { config } }: RequestState, { kept }: Base, binding: Binding): string =>
  config.id.hashed === false ? challengeOf(binding) : firstChallengeOf(binding, kept.ref)

const settleTouched = (session: RequestState, base: Base): void => {
  session.touched(base)
  if (session.env.keeper.needsResponse || cookieLifetimeOf(session, base) !== undefined) {
    session.tell(base)
  }
  session.env.telemetry.emit("Touched", base.kept.ref, session)
}

/**
 * Applies an outcome. `epoch` is the session's when the commit began: if the session has ended or was lost since, the
 * one that the commit stored is to end as well.
 */
export const settle = (session: RequestState, outcome: Outcome, epoch = session.epoch): Outcome => {
  if (epoch === session.epoch) {
    settleCurrent(session, outcome)
  } else if ("base" in outcome) {
    session.endToo(outcome.base.kept.token)
  }
  return outcome
}

const settleCurrent = (session: RequestState, outcome: Outcome): void => {
  const { telemetry } = session.env
  switch (outcome._tag) {
    case "Nothing":
      break
    case "Empty":
      session.nothingToBegin()
      break
    case "Told":
      if (session.base !== undefined) session.tell(session.base)
      break
    case "Followed":
      session.stored(outcome.base, 0, undefined)
      session.tell(outcome.base)
      break
    case "Created":
    case "Regenerated":
    case "Saved":
      settleStored(session, outcome)
      break
    case "Carried":
      session.changes.drop(outcome.count)
      telemetry.emit("Saved", outcome.ref, session)
      break
    case "Touched":
      settleTouched(session, outcome.base)
      break
    case "Ended":
      session.ended()
      session.reply = "forget"
      for (const ref of outcome.refs) telemetry.emit("Destroyed", ref, session)
      break
    case "Lost":
      session.lost()
      telemetry.emit("Gone", outcome.ref, session)
      break
    case "Failed":
      // What was refused is not tried again at the request's end, nor is what was to change with it.
      if (outcome.error.reason === "TooManySessions" || outcome.error.reason === "NotAdmitted") session.discard()
      session.retire()
      forgetEnding(session)
      break
    case "Died":
      session.retire()
      forgetEnding(session)
      break
  }
}

/** The client forgets a session that was to end, even if the backend failed. */
const forgetEnding = (session: RequestState): void => {
  if (session.ending.length > 0) session.reply = "forget"
}
