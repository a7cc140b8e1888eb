/**
 * What follows from the outcome of a commit, all of it: what the request knows from then on, what its client is told, and the events.
 */
import type { Base, Outcome, RequestState } from "./RequestState.js"

/** The client is told what it has to send from now on. */
const tell = (session: RequestState, token: string | undefined): void => {
  if (token !== undefined) {
    session.reply = { token }
  }
}

type Stored = Extract<Outcome, { readonly count: number; readonly base: Base }>

const settleStored = (session: RequestState, { _tag, base, count }: Stored): void => {
  const { keeper, telemetry } = session.env
  const before = session.base
  session.stored(base, count)
  if (_tag !== "Saved" || keeper.needsResponse || session.keepsCookie) {
    tell(session, base.kept.token)
  }
  // By the id that it was known by, also if it has another one now.
  telemetry.emit(_tag, _tag === "Regenerated" && before !== undefined ? before.kept.ref : base.kept.ref)
}

export const settle = (session: RequestState, outcome: Outcome): Outcome => {
  const { keeper, telemetry } = session.env
  switch (outcome._tag) {
    case "Nothing":
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
      session.touched(outcome.base)
      tell(session, keeper.needsResponse || session.keepsCookie ? outcome.base.kept.token : undefined)
      telemetry.emit("Touched", outcome.base.kept.ref)
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
  return outcome
}
