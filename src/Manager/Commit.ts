/**
 * Saves a session with compare-and-set; on a conflict, the logged changes are replayed onto the session that is stored
 * now. So the changes of concurrent requests add up, and an ended session stays ended. The outcome is a value, and
 * `settle` derives everything else from it.
 */
import { millisOf } from "#dialect/clock"
import * as Cause from "#effect/Cause"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { rest } from "../internal/machineTime.js"
import { SessionError } from "../SessionError.js"
import { withoutWords } from "./Calls.js"
import { contentOn } from "./content.js"
import { noResponse } from "./headersSent.js"
import type { Fate, Found, Kept } from "./Keeper.js"
import type { Base, Outcome, When } from "./Outcome.js"
import { openInLine } from "./opening.js"
import type { RequestState } from "./RequestState.js"
import { renewLifetime } from "./renewal.js"
import { settle } from "./settle.js"
import { maxAttempts, type Turn } from "./Turns.js"

type Step = Effect.Effect<Outcome, SessionError>

/** How many times a save is tried again at once, on the session that the conflict reported. */
const hasty = 4

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

/**
 * The error of a request that came too late, or with two cookies: its changes would go to someone else's session, or
 * sign its visitor out.
 */
const late = (session: RequestState): SessionError =>
  new SessionError({
    reason: "Gone",
    message:
      session.origin._tag === "Ambiguous"
        ? `${session.env.keeper.name}: the client sent two cookies of live sessions: nothing was stored; this response removes one of them, so send the request again`
        : `${session.env.keeper.name}: the client's session ended, or got a new id, before this request could change it: nothing was stored; send the request again with the client's current cookie or header`
  })

/**
 * Begins a session, unless the client named one that ended or moved a moment ago: then the client has a newer token by
 * now.
 */
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

/** Stores a new session, with the data of `from`, if there is one, and this request's changes. */
const create = (session: RequestState, from: Base | undefined): Step =>
  Effect.clockWith((clock) => {
    const { config, keeper } = session.env
    return Effect.flatMapEager(contentOn(session, from, millisOf(clock)), ({ count, data, payload }): Step => {
      if (Object.keys(data.values).length === 0) {
        // Nothing is stored for a visitor without data.
        return Effect.succeed<Outcome>({ _tag: "Empty" })
      }
      if (session.stage === "socket") {
        return noResponse("save")
      }
      const ttl = Duration.min(config.idleTimeout, config.absoluteTimeout)
      return Effect.map(keeper.begin(session.successorId, payload, ttl, session.renewing), (kept) => ({
        _tag: "Created",
        base: { kept, data },
        count
      }))
    })
  })

/** One of the attempts to save a session. */
interface Attempt {
  readonly session: RequestState
  readonly when: When
  /** The state that one commit of the session passes to the next. */
  readonly turn: Turn<Base>
  /** The session as its client knows it; if it moved, its successor is written. */
  readonly kept: Kept
  /** The stored session that the changes are applied to. */
  readonly base: Base
  /** Whether the session is to get a new id. */
  readonly renewing: boolean
  /** The end of the save's time, on the machine's clock: each of its calls is bounded, but there may be many. */
  readonly until: number
  /** The number of attempts so far, including this one. */
  readonly count: number
}

/** The session that another request stored, with the id and token that this request's client knows. */
const own = (base: Base, { id, token }: Kept): Base =>
  base.kept.token === token ? base : { ...base, kept: { ...base.kept, id, token } }

const attempt = (next: Omit<Attempt, "renewing">): Step =>
  Effect.clockWith((clock) => {
    const { base, kept, session, turn } = next
    const { keeper } = session.env
    const it: Attempt = { ...next, renewing: session.renewing }
    const now = millisOf(clock)
    const createdAt = it.renewing && base.data.createdAt !== undefined ? now : base.data.createdAt
    return Effect.flatMapEager(contentOn(session, base, createdAt), ({ count, data, payload }): Step => {
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

/** Runs the step, unless there were too many attempts, or they took too long. */
const unlessTooLate = ({ count, session, until }: Attempt, step: () => Step): Step =>
  count < maxAttempts && performance.now() <= until
    ? step()
    : new SessionError({
        reason: "Conflict",
        message: `${session.env.keeper.name}: other requests changed the session ${count} times while this one saved: try again`
      })

/**
 * Tries again after another process saved first. After a few attempts it backs off with random jitter and re-reads,
 * because the session that the conflict reported is stale by then.
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
      : Effect.andThen(
          count === 1 ? Effect.void : Effect.suspend(() => rest(Math.random() * Math.min(2 ** count, 64))),
          Effect.flatMap(session.env.keeper.find(base.kept.ref), next)
        )
  })

/**
 * Decides what happens if the session is not there any more. A request that was to renew the id begins a session of its
 * own: its client is never told the id of the successor, which may belong to someone who signed in with a planted id. A
 * request that changed data carries the changes over to the successor at its end, and its client is not told the
 * successor's id either. All other changes are lost.
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
          // A backend that still finds the session under the same id contradicts itself.
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
