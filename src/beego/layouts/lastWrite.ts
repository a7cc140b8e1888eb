/**
 * Lifetimes where beego stores when a session was last written: it lives for `maxLifetime` from then on. A session that is to live for
 * longer or shorter is stored as if it had been written later or earlier.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { SessionError } from "../../SessionError.js"

/** In milliseconds; what is stored is in units of the layout. */
export interface LastWrite {
  /** What to store for a session that is to live for `ttl` from `now` on. */
  readonly store: (now: number, ttl: Duration.Duration) => number
  /** When a session expires for which this is stored. */
  readonly expiresAt: (stored: number) => number
  /** What is stored for the last session to have expired by `now`; for those that live it is more. */
  readonly expired: (now: number) => number
}

/** 2106-02-07, the last that MySQL's `int unsigned` holds; other layouts have it for the end of time too. */
const last = 2 ** 32 - 1

/** In milliseconds, and whole multiples of `unit`. */
export const inMillis = (maxLifetime: number, unit = 1): LastWrite => ({
  store: (now, ttl) => Math.min(Math.ceil((now + Duration.toMillis(ttl) - maxLifetime) / unit) * unit, last * 1000),
  expiresAt: (stored) => Math.ceil(stored) + maxLifetime,
  expired: (now) => now - maxLifetime
})

/** In Unix seconds, cut off as in Go. A session lives, as for beego, until more than `maxLifetime` has passed: up to a second more. */
export const inSeconds = (maxLifetime: number): LastWrite => ({
  store: (now, ttl) => Math.max(0, Math.min(Math.ceil((now + Duration.toMillis(ttl) - maxLifetime) / 1000) - 1, last)),
  expiresAt: (stored) => (stored + 1) * 1000 + maxLifetime,
  expired: (now) => Math.floor((now - maxLifetime) / 1000) - 1
})

/** The option, in milliseconds. Fails with `InvalidConfig` where it is not positive and finite. */
export const checkMaxLifetime = (maxLifetime: Duration.DurationInput): Effect.Effect<number, SessionError> => {
  const millis = Duration.toMillis(maxLifetime)
  return Number.isFinite(millis) && millis > 0
    ? Effect.succeed(Math.ceil(millis))
    : new SessionError({ reason: "InvalidConfig", message: "maxLifetime: expected a positive, finite duration" })
}
