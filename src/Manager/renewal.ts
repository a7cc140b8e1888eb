/**
 * Renews the lifetime of a session that a request only read: seldom, since each renewal is a write.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type { SessionError } from "../SessionError.js"
import type { Outcome } from "./Outcome.js"
import type { RequestState } from "./RequestState.js"

const nothing: Outcome = { _tag: "Nothing" }
const told: Outcome = { _tag: "Told" }

/**
 * Whether a renewal gains enough time to be worth a write. Each request waits a random part of a fifth longer, so that
 * renewals do not all come at once, but always ends before the session does.
 *
 * A negative gain was written by a process whose clock is ahead, and hides the session's age. A little of it only delays
 * the renewal; what would delay it past the session's end is renewed at once.
 */
const isDue = (session: RequestState, gain: number): boolean => {
  const { config } = session.env
  const idle = Duration.toMillis(config.idleTimeout)
  const throttle = config.touchEvery === undefined ? idle / 10 : Duration.toMillis(config.touchEvery)
  const spread = Math.min(throttle / 5, (idle - throttle) / 2)
  // A response that renews the session sets the cookie too, so the cookie is at least as old as the gain. A renewal
  // without a response (in a stream, on a socket) leaves the cookie older than the session.
  const cookie = session.cookieLifetime ?? Number.POSITIVE_INFINITY
  return gain >= throttle + session.jitter * spread || gain >= cookie / 2 || gain <= (throttle + spread - idle) / 2
}

/** The renewal that is due at `now`: the new lifetime, only the cookie, or none. */
const renewalAt = (session: RequestState, now: number): number | "cookie" | undefined => {
  const { base } = session
  if (base === undefined || (session.idling && !session.touching)) {
    return undefined
  }
  const lifetime = session.lifetime(base.data, now)
  const gain = now + lifetime - base.kept.expiresAt
  if (session.touching ? gain !== 0 : isDue(session, gain)) {
    return lifetime
  }
  // Towards its absolute end a session gains no more time, and the cookie's age is not known.
  const isCapped = lifetime < Duration.toMillis(session.env.config.idleTimeout)
  return isCapped && session.cookieLifetime !== undefined ? "cookie" : undefined
}

/** Whether a commit would do anything at all. */
export const needsCommit = (session: RequestState): boolean =>
  session.changed ||
  session.busy ||
  (session.touching && session.base !== undefined) ||
  renewalAt(session, session.readAt) !== undefined

/** Renews the lifetime of a session that was read, if enough of it has passed. */
export const renewLifetime = (session: RequestState): Effect.Effect<Outcome, SessionError> =>
  Effect.clockWith((clock) => {
    const { base } = session
    const renewal = renewalAt(session, millisOf(clock))
    if (base === undefined || renewal === undefined) {
      return Effect.succeed(nothing)
    }
    return renewal === "cookie"
      ? Effect.succeed(told)
      : Effect.map(
          session.env.keeper.touch(base.kept, Duration.millis(renewal)),
          (kept): Outcome => (kept === undefined ? nothing : { _tag: "Touched", base: { ...base, kept } })
        )
  })
