/**
 * Time for the providers: from Effect's Clock, in milliseconds since the epoch.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"

export const withNow = <A, E = never, R = never>(f: (now: number) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) => f(millisOf(clock)))

/**
 * Makes an effect of a promise, which is created when the effect runs and gets the time. Fails with the promise's
 * rejection.
 */
export const call = <A>(f: (now: number) => Promise<A>): Effect.Effect<A, unknown> =>
  withNow((now) => Effect.tryPromise({ try: () => f(now), catch: (cause) => cause }))

/** The last time that a Date can hold, as the expiry of a session that never expires. */
export const never = 8.64e15

/**
 * 2106-02-07, in Unix seconds: the last that MySQL's `int unsigned` holds. Layouts of other libraries use it for sessions
 * that never expire, in other backends too.
 */
export const lastSecond = 2 ** 32 - 1

/** The time so many milliseconds later, and no later than a Date can hold. */
export const after = (now: number, millis: number): number => Math.min(now + millis, never)

/** A lifetime in whole milliseconds. */
export const lifetime = (ttl: Duration.Duration): number => Math.min(Math.ceil(Duration.toMillis(ttl)), never)

/**
 * The expiry of something that lives for `ttl` from `now` on: in whole milliseconds, and no later than a Date can hold.
 */
export const expiry = (now: number, ttl: Duration.Duration): number => after(now, lifetime(ttl))
