/**
 * Renewing the lifetime of a session that a request only read: seldom, since each renewal is a write.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SessionError } from "../SessionError.js"
import type { Outcome } from "./Outcome.js"
import type { RequestState } from "./RequestState.js"

const nothing: Outcome = { _tag: "Nothing" }
const told: Outcome = { _tag: "Told" }

/** Whether a renewal gains enough to be worth a write; at random up to a fifth later, so that they do not come all at once. */
const isDue = (session: RequestState, gain: number): boolean => {
  const { idleTimeout, touchEvery } = session.env.config
  const throttle = touchEvery === undefined ? Duration.toMillis(idleTimeout) / 10 : Duration.toMillis(touchEvery)
  // A response that renews the session sets the cookie, so that the gain is the cookie's age too, at most. What renews a session without
  // a response (a stream, a socket) makes it younger than its cookie.
  const cookie = session.cookieLifetime
  return (
    gain >= Math.min(throttle * (1 + session.jitter / 5), cookie === undefined ? Number.POSITIVE_INFINITY : cookie / 2)
  )
}

/** What there is to renew at `now`: the new lifetime, or only the cookie, or nothing. */
const renewalAt = (session: RequestState, now: number): number | "cookie" | undefined => {
  const { base } = session
  if (base === undefined) {
    return undefined
  }
  const lifetime = session.lifetime(base.data, now)
  const gain = now + lifetime - base.kept.expiresAt
  if (gain > 0 && (session.touching || isDue(session, gain))) {
    return lifetime
  }
  // Towards its absolute end a session gains nothing any more, and nobody knows how old the cookie is.
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
    const renewal = renewalAt(session, clock.unsafeCurrentTimeMillis())
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
