/**
 * memcached's `exptime`. Above 30 days it is a date by the server's own clock, of 31 bits; below zero it is in the past (protocol.txt,
 * "Expiration times").
 */
import * as Duration from "effect/Duration"

/** memcached's clock ticks in seconds and only has to outlive the value's own expiry, so a second more. */
export const exptimeOf = (ttl: Duration.Duration): number => {
  const seconds = Math.ceil(Duration.toSeconds(ttl)) + 1
  return seconds <= 30 * 24 * 60 * 60 ? seconds : Math.min(Math.floor(Date.now() / 1000) + seconds, 2 ** 31 - 1)
}

/** With it a value is gone at once. */
export const inThePast = -1
