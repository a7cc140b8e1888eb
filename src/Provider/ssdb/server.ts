/**
 * What SSDB is and can do, and a call of it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Time from "../internal/time.js"
import { type Capabilities, defaultCapabilities } from "../Provider.js"
import { failureOf } from "../redis/ioredis.js"

export const name = "ssdb"

export const defaultPort = 8888

export const capabilities: Capabilities = {
  ...defaultCapabilities,
  maxPayload: 8 * 1024 * 1024,
  // Up to a second by rounding; the server looks for what has expired a few times a second.
  expirySlack: 1_500
}

/** Whole seconds: SSDB has no shorter ones. */
export const secondsOf = (ttl: Duration.Duration): number => Math.ceil(Duration.toSeconds(ttl))

/** A call of the server, which gets the time at which it is made. */
export const call = <A>(ask: (now: number) => Promise<A>): Effect.Effect<A, string> =>
  Effect.mapError(Time.call(ask), failureOf)
