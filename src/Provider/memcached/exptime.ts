/**
 * memcached's `exptime`. Above 30 days it is a date on the server's clock, in 31 bits; a negative one is in the past
 * (protocol.txt, "Expiration times").
 */
import * as Duration from "effect/Duration"

/**
 * The exptime for a lifetime. memcached's clock ticks in seconds and only has to outlive the value's own expiry, so
 * this adds a second.
 */
export const exptimeOf = (ttl: Duration.Duration): number => {
  const seconds = Math.ceil(Duration.toSeconds(ttl)) + 1
  return seconds <= 30 * 24 * 60 * 60 ? seconds : Math.min(Math.floor(Date.now() / 1000) + seconds, 2 ** 31 - 1)
}

/** An exptime with which a value is gone at once. */
export const inThePast = -1
