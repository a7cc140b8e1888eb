/**
 * Lifetimes in layouts of beego that store the time of the last write: a session lives for `maxLifetime` from then on.
 * A session with a longer or shorter lifetime is stored as if it had been written later or earlier.
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { lastSecond } from "../../Provider/internal/time.js"
import { SessionError } from "../../SessionError.js"

/** Conversions of times in milliseconds to and from the units of the layout. */
export interface LastWrite {
  /** Returns the value to store for a session that lives for `ttl` from `now` on. */
  readonly store: (now: number, ttl: Duration.Duration) => number
  /** Returns the expiry of a session with this stored value. */
  readonly expiresAt: (stored: number) => number
  /** Returns the stored value of the last session that has expired by `now`. Live sessions have a higher one. */
  readonly expired: (now: number) => number
}

/** Stores milliseconds, in whole multiples of `unit`. */
export const inMillis = (maxLifetime: number, unit = 1): LastWrite => ({
  store: (now, ttl) =>
    Math.min(Math.ceil((now + Duration.toMillis(ttl) - maxLifetime) / unit) * unit, lastSecond * 1000),
  expiresAt: (stored) => Math.ceil(stored) + maxLifetime,
  expired: (now) => now - maxLifetime
})

/**
 * Stores Unix seconds, truncated as in Go. As for beego, a session lives until more than `maxLifetime` has passed: up
 * to a second more.
 */
export const inSeconds = (maxLifetime: number): LastWrite => ({
  store: (now, ttl) =>
    Math.max(0, Math.min(Math.ceil((now + Duration.toMillis(ttl) - maxLifetime) / 1000) - 1, lastSecond)),
  expiresAt: (stored) => (stored + 1) * 1000 + maxLifetime,
  expired: (now) => Math.floor((now - maxLifetime) / 1000) - 1
})

/** Converts the option to milliseconds. Fails with `InvalidConfig` if it is not positive and finite. */
export const checkMaxLifetime = (maxLifetime: Duration.Input): Effect.Effect<number, SessionError> => {
  const millis = Duration.toMillis(maxLifetime)
  return Number.isFinite(millis) && millis > 0
    ? Effect.succeed(Math.ceil(millis))
    : new SessionError({ reason: "InvalidConfig", message: "maxLifetime: expected a positive, finite duration" })
}
