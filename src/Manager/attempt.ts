/**
 * Saves a session that was read: with compare-and-set, again and again while others save first. A session that is gone
 * meanwhile has ended, or has another id.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { SessionError } from "../SessionError.js"
import { create, late } from "./begin.js"
import { contentOn } from "./content.js"
import type { Cause, Fate, Found, Kept } from "./Keeper.js"
import { notesKept, notesMoved } from "./notes.js"
import type { Base, Outcome, When } from "./Outcome.js"
import { listing, relisting } from "./people/listing.js"
import type { RequestState } from "./RequestState.js"
import { idIsDue } from "./renewal.js"
import { maxAttempts, pauseAfter, type Turn } from "./Turns.js"

type Step = Effect.Effect<Outcome, SessionError>

/** How many times a save is tried again at once, on the session that the conflict reported. */
const hasty = 4

/** One of the attempts to save a session. */
export interface Attempt {
  readonly session: RequestState
  readonly when: When
  /** The state that one commit of the session passes to the next. */
  readonly turn: Turn<Base>
  /** The session as its client knows it; if it moved, its successor is written. */
  readonly kept: Kept
  /** The stored session that the changes are applied to. */
  readonly base: Base
  /** Why the session is to get a new id, if it is. */
  readonly cause: Cause | undefined
  /** The end of the save's time, on the machine's clock: each of its calls is bounded, but there may be many. */
  readonly until: number
  /** The number of attempts so far, including this one. */
  readonly count: number
}

/** The session that another request stored, with the id and token that this request's client knows. */
export const own = (base: Base, { id, token }: Kept): Base =>
  base.kept.token === token ? base : { ...base, kept: { ...base.kept, id, token } }

/** Why the session gets a new id when it is saved now, if it does. */
const causeOf = (session: RequestState, when: When, base: Base, now: number): Cause | undefined =>
  session.renewing ? "rights" : when === "end" && idIsDue(session, base, now) ? "age" : undefined

/** Whether somebody signs in to the session of another person. */
const isForAnother = ({ signing }: RequestState, { data: { owner } }: Base): boolean =>
  signing !== undefined && owner !== undefined && owner.principal !== signing.register

export const attempt = (next: Omit<Attempt, "cause">): Step =>
  Effect.clockWith((clock) => {
    const { base, kept, session, turn, when } = next
    const now = millisOf(clock)
    // A successor whose id this client does not know is not renewed by it.
    const cause = base.kept.ref === kept.ref ? causeOf(session, when, base, now) : undefined
    const it: Attempt = { ...next, cause }
    const move = cause && { cause, id: session.successorId }
    const notes = move === undefined ? notesKept(session, base, now) : notesMoved(session, base, move, now)
    return Effect.flatMapEager(contentOn(session, base, notes, now), ({ count, data, lifetime, payload }): Step => {
      if (lifetime <= 0) {
        return lost(it)
      }
      const ttl = Duration.millis(lifetime)
      const { keeper } = session.env
      const saving =
        move === undefined
          ? keeper.save(base.kept, payload, ttl)
          : listing(
              session,
              data,
              session.signing === undefined ? data.owner?.family : undefined,
              move.cause,
              keeper.renew(base.kept, move.id, payload, ttl, move.cause, isForAnother(session, base))
            )
      return Effect.flatMap(saving, (result): Step => {
        switch (result._tag) {
          case "Saved": {
            const saved = { kept: result.kept, data }
            turn.latest = move === undefined ? saved : undefined
            return Effect.succeed<Outcome>(
              base.kept.ref !== kept.ref
                ? { _tag: "Carried", ref: base.kept.ref, count }
                : { _tag: move === undefined ? "Saved" : "Regenerated", base: saved, count }
            )
          }
          case "Lost":
            return afterLoss(it)
          case "Changed":
            session.env.telemetry.emit("Conflict", base.kept.ref, session)
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
      : Effect.andThen(pauseAfter(count), Effect.flatMap(session.env.keeper.find(base.kept.ref, base.kept.id), next))
  })

/**
 * Decides what happens if the session is not there any more. If its id was renewed because of its age, the request goes
 * on with the successor, as its client may. Otherwise a request that was to renew the id begins a session of its own: its
 * client is never told the id of the successor, which may belong to someone who signed in with a planted id. A request
 * that changed data carries the changes over to the successor at its end, unless that is somebody else's by now, and its
 * client is not told the successor's id either. All other changes are lost.
 */
const afterLoss = (it: Attempt): Step => {
  const { cause, kept, session, when } = it
  const { config, keeper } = session.env
  const mayFollow = config.id.renewEvery !== undefined && !keeper.needsResponse
  if (when === "save" && cause === undefined && !mayFollow) {
    return lost(it)
  }
  if (cause !== "rights" && !mayFollow && !keeper.needsResponse) {
    return carry(it)
  }
  const looking: Effect.Effect<Fate | Found, SessionError> =
    kept.token === undefined ? Effect.succeed("Unknown") : keeper.fate(kept.token)
  return Effect.flatMap(looking, (fate): Step => {
    if (typeof fate === "object") {
      return follow(it, fate)
    }
    if (cause === "rights") {
      return fate === "Moved" ? beside(it) : create(session, undefined)
    }
    return when === "save"
      ? lost(it)
      : !keeper.needsResponse
        ? carry(it)
        : fate === "Moved"
          ? Effect.fail(late(session))
          : lost(it)
  })
}

/** Goes on with the session under the id that it got because of its age. */
const follow = (it: Attempt, found: Found): Step =>
  unlessTooLate(it, () => {
    const { session } = it
    const base = session.understand(found)
    if (base === undefined) {
      return lost(it)
    }
    return Effect.flatMap(relisting(session, base), (isListed): Step => {
      if (!isListed) {
        return lost(it)
      }
      return !session.isUnsaved
        ? Effect.succeed<Outcome>({ _tag: "Followed", base })
        : session.env.turns.take(base.kept.ref, (turn) =>
            attempt({ ...it, turn, kept: base.kept, base: own(turn.latest ?? base, base.kept), count: it.count + 1 })
          )
    })
  })

/**
 * Applies the changes to the successor of the session, of which the client is told nothing. If only its id opens it, this
 * request cannot, and the client has to send it again.
 */
const carry = (it: Attempt): Step =>
  unlessTooLate(it, () => {
    const { base, session } = it
    const { keeper, turns } = session.env
    return Effect.flatMap(keeper.find(base.kept.ref), (found) => {
      // A backend that still finds the session under the same id contradicts itself.
      const moved = found?.kept.ref === base.kept.ref ? undefined : found
      if (moved !== undefined && keeper.opensById) {
        return Effect.fail(late(session))
      }
      const successor = moved && session.understand(moved)
      return successor === undefined || isSomebodyElses(successor, base)
        ? lost(it)
        : turns.take(successor.kept.ref, (turn) =>
            attempt({ ...it, turn, base: own(turn.latest ?? successor, successor.kept), count: it.count + 1 })
          )
    })
  })

/**
 * Begins a session with the data of the one that another request has moved. If somebody had signed in to that and has
 * left it since, by a sign-out or because somebody else signed in, their data have gone with it: nothing leads to a
 * session of somebody else from there, so that one that cannot be opened is theirs.
 */
const beside = ({ base, session }: Attempt): Step => {
  const { keeper } = session.env
  return base.data.owner === undefined || keeper.needsResponse
    ? create(session, base)
    : Effect.flatMap(keeper.find(base.kept.ref), (found) => {
        if (found !== undefined && keeper.opensById) {
          return create(session, base)
        }
        const successor = found && session.understand(found)
        return create(session, successor === undefined || isSomebodyElses(successor, base) ? undefined : base)
      })
}

/** Whether another person has signed in: what the one before has changed goes with their other data. */
const isSomebodyElses = (successor: Base, { data: { owner } }: Base): boolean =>
  owner !== undefined && successor.data.owner?.principal !== owner.principal
