/**
 * Renews the lifetime of a session that a request only read: seldom, since each renewal is a write.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type { SessionError } from "../SessionError.js"
import { contentOn, payloadOf } from "./content.js"
import type { Kept } from "./Keeper.js"
import { cookieLifetimeOf, isRemembered, timeoutsOf, touchEveryOf } from "./lifetimes.js"
import { notesKept } from "./notes.js"
import type { Base, Outcome } from "./Outcome.js"
import type { RequestState } from "./RequestState.js"
import { noteClient } from "./signals.js"

const nothing: Outcome = { _tag: "Nothing" }
const told: Outcome = { _tag: "Told" }

/**
 * Whether a renewal gains enough time to be worth a write. Each request waits a random part of a fifth longer, so that
 * renewals do not all come at once, but always ends before the session does.
 *
 * A negative gain was written by a process whose clock is ahead, and hides the session's age. A little of it only delays
 * the renewal; what would delay it past the session's end is renewed at once.
 */
const isDue = (session: RequestState, base: Base, gain: number): boolean => {
  const [idle] = timeoutsOf(session.env.config, base.data)
  const { between, spread } = pauseOf(session, idle)
  // A response that renews the session sets the cookie too, so the cookie is at least as old as the gain. A renewal
  // without a response (in a stream, on a socket) leaves the cookie older than the session.
  const cookie = cookieLifetimeOf(session, base) ?? Number.POSITIVE_INFINITY
  return gain >= between + session.jitter * spread || gain >= cookie / 2 || gain <= (between + spread - idle) / 2
}

/** The least time between two renewals, and the time in which they are spread, in milliseconds. */
const pauseOf = ({ env: { config } }: RequestState, idle: number) => {
  const between = touchEveryOf(config, idle)
  return { between, spread: Math.min(between / 5, (idle - between) / 2) }
}

/** The renewal that is due at `now`: the new lifetime, only the cookie, only the note of when it was used, or none. */
const renewalAt = (session: RequestState, now: number): number | "cookie" | "note" | undefined => {
  const { base } = session
  if (base === undefined || (session.idling && !session.touching)) {
    return undefined
  }
  const lifetime = session.lifetime(base.data, now)
  const gain = now + lifetime - base.kept.expiresAt
  if (session.touching ? gain !== 0 : isDue(session, base, gain)) {
    return lifetime
  }
  // Towards its absolute end a session gains no more time: neither the cookie's age nor the last use shows in it.
  const [idle] = timeoutsOf(session.env.config, base.data)
  if (lifetime >= idle) {
    return undefined
  }
  const { owner } = base.data
  const { between, spread } = pauseOf(session, idle)
  return owner !== undefined && now >= owner.seenAt + between + session.jitter * spread
    ? "note"
    : cookieLifetimeOf(session, base) !== undefined && !isRemembered(base.data)
      ? "cookie"
      : undefined
}

/** Whether the session's id is to be renewed because of its age, and its client can be told. */
export const idIsDue = (session: RequestState, { data, kept }: Base, now: number): boolean => {
  const { config, keeper } = session.env
  const { renewEvery } = config.id
  // A request that does not count as use must not let the session live longer, as a renewal does.
  const isUse = !session.idling || session.changes.count > 0
  if (renewEvery === undefined || keeper.needsResponse || session.stage === "socket" || !isUse) {
    return false
  }
  const made = data.idMadeAt ?? data.createdAt
  return (
    made !== undefined &&
    now >= made + Duration.toMillis(renewEvery) &&
    // What was renewed a moment ago is not renewed by a request that came with the old id.
    kept.token !== undefined &&
    session.wasSent(kept.token) &&
    (session.sent?.via === "cookie" ? config.cookie !== false && config.cookie.sent : config.header !== false)
  )
}

/** Whether a commit would do anything at all. */
export const needsCommit = (session: RequestState): boolean =>
  session.changed ||
  session.busy ||
  ((session.touching || session.noting) && session.base !== undefined) ||
  renewalAt(session, session.readAt) !== undefined ||
  (session.base !== undefined && idIsDue(session, session.base, session.readAt))

/** Renews the lifetime of a session that was read, if enough of it has passed. */
export const renewLifetime = (session: RequestState): Effect.Effect<Outcome, SessionError> =>
  Effect.clockWith((clock) => {
    const { base } = session
    const renewal = renewalAt(session, millisOf(clock))
    if (base !== undefined && session.noting) {
      session.noting = false
      return Effect.flatMap(noteClient(session, base, typeof renewal === "number" ? renewal : undefined), (stored) =>
        stored === undefined ? renewLifetime(session) : Effect.succeed<Outcome>({ _tag: "Touched", base: stored })
      )
    }
    if (base === undefined || renewal === undefined) {
      return Effect.succeed(nothing)
    }
    if (renewal === "cookie") {
      return Effect.succeed(told)
    }
    const now = millisOf(clock)
    return renewal === "note" ? noteUse(session, base, now) : prolong(session, base, renewal, now)
  })

const touched = (base: Base, kept: Kept | undefined): Outcome =>
  kept === undefined ? nothing : { _tag: "Touched", base: { ...base, kept } }

/** Renews the lifetime: in the session itself too, if that says when it ends, unless it has become too large to be saved. */
const prolong = (
  { env }: RequestState,
  base: Base,
  lifetime: number,
  now: number
): Effect.Effect<Outcome, SessionError> => {
  const ttl = Duration.millis(lifetime)
  const payload = base.data.idleTimeout === undefined ? undefined : payloadOf(env, base.data, now + lifetime)
  return payload instanceof Uint8Array
    ? Effect.map(env.keeper.save(base.kept, payload, ttl), (result) =>
        touched(base, result._tag === "Saved" ? result.kept : undefined)
      )
    : Effect.map(env.keeper.touch(base.kept, ttl), (kept) => touched(base, kept))
}

/** Notes in the session itself that it was used. Whoever saves it at the same time notes the same. */
const noteUse = (session: RequestState, base: Base, now: number): Effect.Effect<Outcome, SessionError> =>
  Effect.flatMap(contentOn(session, base, notesKept(session, base, now), now), ({ data, lifetime, payload }) =>
    Effect.map(
      session.env.keeper.save(base.kept, payload, Duration.millis(lifetime)),
      (result): Outcome => (result._tag === "Saved" ? { _tag: "Touched", base: { kept: result.kept, data } } : nothing)
    )
  )
