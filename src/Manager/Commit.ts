/**
 * Saves a session with compare-and-set; on a conflict, the logged changes are replayed onto the session that is stored
 * now. So the changes of concurrent requests add up, and an ended session stays ended. The outcome is a value, and
 * `settle` derives everything else from it.
 */
import * as Cause from "#effect/Cause"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { SessionError } from "../SessionError.js"
import { attempt, own } from "./attempt.js"
import { begin } from "./begin.js"
import { withoutWords } from "./Calls.js"
import { noResponse } from "./headersSent.js"
import type { Outcome, When } from "./Outcome.js"
import { openInLine } from "./opening.js"
import type { RequestState } from "./RequestState.js"
import { idIsDue, renewLifetime } from "./renewal.js"
import { settle } from "./settle.js"

type Step = Effect.Effect<Outcome, SessionError>

/**
 * Ends the sessions that are to end, and saves the changes, if there are any; otherwise renews the lifetime, if that is
 * due. Never fails, and ends within the configured timeout: the outcome of what could not be done is `Failed`, `Died`
 * or `Lost`.
 */
export const commit = (session: RequestState, when: When): Effect.Effect<Outcome> => {
  const { bounded, keeper } = session.env
  // In line: a `save` that the handler no longer waits for may still be running, and nothing must be saved twice.
  const saving = Effect.suspend(() => step(session, when))
  const settled = Effect.catchCause(
    keeper.inProcess ? Effect.suspend(() => session.line.hold(saving)) : bounded(session.line.take(saving)),
    (cause) => Effect.sync(() => settle(session, failure(session, cause)))
  )
  // Only a handler that waits for a backend may stop waiting: the save itself goes on.
  return when === "save" && !keeper.inProcess ? settled : Effect.uninterruptible(settled)
}

const failure = (session: RequestState, cause: Cause.Cause<SessionError>): Outcome => {
  const identity = session.ending.length > 0 || session.renewing
  const error = Cause.findErrorOption(cause)
  return Option.isSome(error)
    ? { _tag: "Failed", error: error.value, identity }
    : { _tag: "Died", defect: withoutWords(`${session.env.keeper.name}: save`, Cause.squash(cause)), identity }
}

const step = (session: RequestState, when: When): Step => {
  const { epoch } = session
  const saved = (outcome: Outcome) => settle(session, outcome, epoch)
  if (session.ending.length === 0) {
    return when === "ending" ? nothing : Effect.map(save(session, when), saved)
  }
  return when === "ending" ? end(session) : Effect.flatMap(end(session), () => Effect.map(save(session, when), saved))
}

const nothing: Step = Effect.succeed({ _tag: "Nothing" })

const end = (session: RequestState): Step => {
  const { keeper } = session.env
  if (session.stage === "socket" && !keeper.revocable) {
    return new SessionError({
      reason: "Unsupported",
      message: `${keeper.name}: destroy: the client holds the session, and there is no response that could remove it`
    })
  }
  return Effect.map(Effect.forEach(session.ending, keeper.end), (refs) =>
    settle(session, { _tag: "Ended", refs: [...new Set(refs.filter((ref) => ref !== undefined))] })
  )
}

const save = (session: RequestState, when: When): Step => {
  const { keeper } = session.env
  if (!session.isUnsaved) {
    return session.stage === "socket" && keeper.needsResponse && session.touching
      ? noResponse("save")
      : when === "end" && session.base !== undefined && idIsDue(session, session.base, session.readAt)
        ? saveRead(session, when)
        : renewLifetime(session)
  }
  if (session.stage === "socket" && keeper.needsResponse) {
    return noResponse("save")
  }
  return session.origin._tag === "Unread"
    ? Effect.flatMap(openInLine(session), () => saveRead(session, when))
    : saveRead(session, when)
}

/** {@link save} for a session that was read. */
const saveRead = (session: RequestState, when: When): Step => {
  const { base } = session
  const { keeper, patience, turns } = session.env
  if (base === undefined) {
    return begin(session)
  }
  const { kept } = base
  if (keeper.inProcess) {
    return attempt({
      session,
      when,
      turn: { latest: undefined },
      kept,
      base,
      until: Number.POSITIVE_INFINITY,
      count: 1
    })
  }
  const until = performance.now() + patience.millis
  return turns.take(kept.ref, (turn) =>
    attempt({ session, when, turn, kept, base: own(turn.latest ?? base, kept), until, count: 1 })
  )
}
