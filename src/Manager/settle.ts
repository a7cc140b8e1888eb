/**
 * What follows from the outcome of a commit, all of it: what the request knows from then on, what its client is told, and the events.
 */
import type { Base, Outcome } from "./Outcome.js"
import type { RequestState } from "./RequestState.js"

/** The client is told what it has to send from now on. */
const tell = (session: RequestState, token: string | undefined): void => {
  if (token !== undefined) {
    session.reply = { token }
  }
}

type Stored = Extract<Outcome, { readonly count: number; readonly base: Base }>

const settleStored = (session: RequestState, outcome: Stored): void => {
  const { keeper, telemetry } = session.env
  const { _tag, base, count } = outcome
  const before = session.base
  session.stored(base, count, _tag === "Saved" ? undefined : base.kept.id)
  if (_tag !== "Saved" || keeper.needsResponse || session.cookieLifetime !== undefined) {
    tell(session, base.kept.token)
  }
  // By the id that it was known by, also if it has another one now.
  telemetry.emit(_tag, _tag === "Regenerated" && before !== undefined ? before.kept.ref : base.kept.ref)
}

const settleTouched = (session: RequestState, base: Base): void => {
  session.touched(base)
  if (session.env.keeper.needsResponse || session.cookieLifetime !== undefined) {
    tell(session, base.kept.token)
  }
  session.env.telemetry.emit("Touched", base.kept.ref)
}

/** `epoch` is the session's when the commit began: if it has ended or was lost since, what was stored of it is to end as well. */
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
      tell(session, session.base?.kept.token)
      break
    case "Created":
    case "Regenerated":
    case "Saved":
      settleStored(session, outcome)
      break
    case "Carried":
      session.carried(outcome.count)
      telemetry.emit("Saved", outcome.ref)
      break
    case "Touched":
      settleTouched(session, outcome.base)
      break
    case "Ended":
      session.ended()
      session.reply = "forget"
      for (const ref of outcome.refs) telemetry.emit("Destroyed", ref)
      break
    case "Lost":
      session.lost()
      telemetry.emit("Gone", outcome.ref)
      break
    case "Failed":
    case "Died":
      // The client lets go of a session that was to end, whatever the backend says.
      if (session.ending.length > 0) session.reply = "forget"
      break
  }
}
