/**
 * Time as providers take it: from Effect's Clock, in milliseconds since the epoch.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export const withNow = <A, E = never, R = never>(f: (now: number) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) => f(clock.unsafeCurrentTimeMillis()))

/** A call that is a promise, made at the time that it is given. It fails with what the promise rejects with. */
export const call = <A>(f: (now: number) => Promise<A>): Effect.Effect<A, unknown> =>
  withNow((now) => Effect.tryPromise({ try: () => f(now), catch: (cause) => cause }))

/** The last time that a Date can be: the expiry of what never expires. */
export const never = 8.64e15

/** When what lives for `ttl` from `now` on expires: in whole milliseconds, and no later than a Date can be. */
export const expiry = (now: number, ttl: Duration.Duration): number =>
  Math.min(now + Math.ceil(Duration.toMillis(ttl)), never)
