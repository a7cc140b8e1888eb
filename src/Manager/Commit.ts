/**
 * Saving a session: compare-and-set, and on conflict the logged changes are replayed onto what is there now. So changes of concurrent
 * requests add up, and what was ended stays ended. What came of it is a value, from which all else follows in `settle`.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SessionError } from "../SessionError.js"
import { withoutWords } from "./Calls.js"
import { contentOn } from "./content.js"
import type { Fate, Found, Kept } from "./Keeper.js"
import { noResponse, openInLine } from "./LiveSession.js"
import { maxAttempts } from "./maxAttempts.js"
import type { Base, Outcome, When } from "./Outcome.js"
import type { RequestState } from "./RequestState.js"
import { renewLifetime } from "./renewal.js"
import { settle } from "./settle.js"
import type { Turn } from "./Turns.js"

type Step = Effect.Effect<Outcome, SessionError>

/** How many times a save is tried again at once, with what the conflict told. */
const hasty = 4

/**
 * Ends what is to end, and saves what changed, if anything did; otherwise renews the lifetime, if it is time to. Never fails, and ends
 * within the configured timeout: what could not be done is the outcome `Failed`, `Died` or `Lost`.
 */
export const commit = (session: RequestState, when: When): Effect.Effect<Outcome> => {
  const { bounded, keeper } = session.env
  // In line: a `save` that the handler no longer waits for may still be at it, and nothing must be saved twice.
  const saving = session.line.take(Effect.suspend(() => step(session, when)))
  return Effect.catchAllCause(keeper.inProcess ? saving : bounded(saving), (cause) =>
    Effect.sync(() => settle(session, failure(session, cause)))
  )
}

const failure = (session: RequestState, cause: Cause.Cause<SessionError>): Outcome => {
  const identity = session.ending.length > 0 || session.renewing
  const error = Cause.failureOption(cause)
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
      message: `${keeper.name}: destroy: the client holds the session, and there is no response to take it away by`
    })
  }
  return Effect.map(Effect.forEach(session.ending, keeper.end), (refs) =>
    settle(session, { _tag: "Ended", refs: [...new Set(refs.filter((ref) => ref !== undefined))] })
  )
}

const save = (session: RequestState, when: When): Step => {
  const { keeper } = session.env
  if (session.log.length === 0 && !session.renewing) {
    return session.stage === "socket" && keeper.needsResponse && session.touching
      ? noResponse("save")
      : renewLifetime(session)
  }
  if (session.stage === "socket" && keeper.needsResponse) {
    return noResponse("save")
  }
  return session.origin._tag === "Unread"
    ? Effect.flatMap(openInLine(session), () => saveRead(session, when))
    : saveRead(session, when)
}

/** {@link save} of a session that was read. */
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

/** The error of a request that came too late, or with two cookies: what it changed would be somebody else's, or sign its visitor out. */
const late = (session: RequestState): SessionError =>
  new SessionError({
    reason: "Gone",
    message:
      session.origin._tag === "Ambiguous"
        ? `${session.env.keeper.name}: the client sent two cookies of live sessions: nothing was stored; this answer takes one of them away, so send the request again`
        : `${session.env.keeper.name}: the client's session ended, or got a new id, before this request could change it: nothing was stored; send the request again with what the client was told since`
  })

/** Begins a session, unless the client named one that ended or moved a moment ago: then it knows better by now. */
const begin = (session: RequestState): Step => {
  const { origin, renewing, sent } = session
  if (renewing || origin._tag === "None" || sent === undefined) {
    return create(session, undefined)
  }
  if (origin._tag === "Ambiguous") {
    return Effect.fail(late(session))
  }
  return Effect.flatMap(Effect.forEach(sent.tokens, session.env.keeper.fate), (fates) =>
    fates.every((fate) => fate === "Unknown") ? create(session, undefined) : Effect.fail(late(session))
  )
}

/** Stores a new session: on top of `from`, if there is any, else of nothing. */
const create = (session: RequestState, from: Base | undefined): Step =>
  Effect.clockWith((clock) => {
    const { config, keeper } = session.env
    return Effect.flatMap(
      contentOn(session, from, clock.unsafeCurrentTimeMillis()),
      ({ count, data, payload }): Step => {
        if (Object.keys(data.values).length === 0) {
          // Nothing is stored for a visitor without data.
          return Effect.succeed<Outcome>({ _tag: "Empty" })
        }
        if (session.stage === "socket") {
          return noResponse("save")
        }
        const ttl = Duration.min(config.idleTimeout, config.absoluteTimeout)
        return Effect.map(keeper.begin(session.successorId, payload, ttl), (kept) => ({
          _tag: "Created",
          base: { kept, data },
          count
        }))
      }
    )
  })

/** One of the attempts to save a session. */
interface Attempt {
  readonly session: RequestState
  readonly when: When
  /** What goes from one commit of the session to the next. */
  readonly turn: Turn<Base>
  /** The session as its client knows it; if it moved, it is another one that is written. */
  readonly kept: Kept
  /** What the changes are made on. */
  readonly base: Base
  /** Whether the session is to get a new id. */
  readonly renewing: boolean
  /** When the save has taken too long, by the machine's clock: each of its calls is bounded, and there may be many. */
  readonly until: number
  /** How many attempts there were, with this one. */
  readonly count: number
}

/** What another request stored, as this request's client knows it. */
const own = (base: Base, { id, token }: Kept): Base =>
  base.kept.token === token ? base : { ...base, kept: { ...base.kept, id, token } }

const attempt = (next: Omit<Attempt, "renewing">): Step =>
  Effect.clockWith((clock) => {
    const { base, kept, session, turn } = next
    const { keeper } = session.env
    const it: Attempt = { ...next, renewing: session.renewing }
    const now = clock.unsafeCurrentTimeMillis()
    const createdAt = it.renewing && base.data.createdAt !== undefined ? now : base.data.createdAt
    return Effect.flatMap(contentOn(session, base, createdAt), ({ count, data, payload }): Step => {
      const lifetime = session.lifetime(data, now)
      if (lifetime <= 0) {
        return lost(it)
      }
      const ttl = Duration.millis(lifetime)
      const saving = it.renewing
        ? keeper.renew(base.kept, session.successorId, payload, ttl)
        : keeper.save(base.kept, payload, ttl)
      return Effect.flatMap(saving, (result): Step => {
        switch (result._tag) {
          case "Saved": {
            const saved = { kept: result.kept, data }
            turn.latest = it.renewing ? undefined : saved
            return Effect.succeed<Outcome>(
              base.kept.ref !== kept.ref
                ? { _tag: "Carried", ref: base.kept.ref, count }
                : { _tag: it.renewing ? "Regenerated" : "Saved", base: saved, count }
            )
          }
          case "Lost":
            return afterLoss(it)
          case "Changed":
            session.env.telemetry.emit("Conflict", base.kept.ref)
            return again(it, result.current)
        }
      })
    })
  })

const lost = ({ base }: Attempt): Step => Effect.succeed({ _tag: "Lost", ref: base.kept.ref })

/** The step, unless there were too many attempts, or they took too long. */
const unlessTooLate = ({ count, session, until }: Attempt, step: () => Step): Step =>
  count < maxAttempts && performance.now() <= until
    ? step()
    : new SessionError({
        reason: "Conflict",
        message: `${session.env.keeper.name}: other requests changed the session ${count} times while this one saved: try again`
      })

/**
 * Another process has saved first. After some tries this one waits for longer and longer, at random, so that processes get out of step;
 * then it reads anew, for what the conflict told is out of date by then.
 */
const again = (it: Attempt, current: Found | undefined): Step =>
  unlessTooLate(it, () => {
    const { base, count, session, turn } = it
    const next = (found: Found | undefined): Step => {
      if (found === undefined || found.kept.ref !== base.kept.ref) {
        return afterLoss(it)
      }
      const latest = session.understand(found)
      if (latest === undefined) {
        return lost(it)
      }
      turn.latest = latest
      return attempt({ ...it, base: own(latest, base.kept), count: count + 1 })
    }
    return current !== undefined && count <= hasty
      ? next(current)
      : Effect.zipRight(
          count === 1 ? Effect.void : Effect.suspend(() => Effect.sleep(Math.random() * Math.min(2 ** count, 64))),
          Effect.flatMap(session.env.keeper.find(base.kept.ref), next)
        )
  })

/**
 * The session is not there any more. One that was to renew its id begins a session of its own: never is it told the id of the
 * successor, which may be that of somebody who signed in with an id that was planted. One that changed data at the end of its request
 * carries them over to the successor, which its client is not told of either. All else is lost.
 */
const afterLoss = (it: Attempt): Step => {
  const { base, kept, renewing, session, when } = it
  const { keeper, turns } = session.env
  const fate: Effect.Effect<Fate, SessionError> =
    kept.token === undefined ? Effect.succeed("Unknown") : keeper.fate(kept.token)
  if (renewing) {
    return Effect.flatMap(fate, (fate) => create(session, fate === "Moved" ? base : undefined))
  }
  if (when === "save") {
    return lost(it)
  }
  return unlessTooLate(it, () =>
    keeper.needsResponse
      ? Effect.flatMap(fate, (fate) => (fate === "Moved" ? Effect.fail(late(session)) : lost(it)))
      : Effect.flatMap(keeper.find(base.kept.ref), (found) => {
          // A backend that still finds it under the same id contradicts itself.
          const successor =
            found === undefined || found.kept.ref === base.kept.ref ? undefined : session.understand(found)
          return successor === undefined
            ? lost(it)
            : turns.take(successor.kept.ref, (turn) =>
                attempt({ ...it, turn, base: own(turn.latest ?? successor, successor.kept), count: it.count + 1 })
              )
        })
  )
}
