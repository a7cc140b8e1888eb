/**
 * The name, the port and the capabilities of SSDB, and calls to it.
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type { Failure } from "../../internal/failure.js"
import * as Time from "../internal/time.js"
import { type Capabilities, defaultCapabilities } from "../Provider.js"
import { failureOf } from "../redis/failures.js"

export const name = "ssdb"

export const defaultPort = 8888

export const capabilities: Capabilities = {
  ...defaultCapabilities,
  maxPayload: 8 * 1024 * 1024,
  // Up to a second from rounding; the server looks for expired keys a few times a second.
  expirySlack: 1_500
}

/** A lifetime in whole seconds, since SSDB has no shorter unit. */
export const secondsOf = (ttl: Duration.Duration): number => Math.ceil(Duration.toSeconds(ttl))

/** Calls the server. `ask` gets the time of the call. */
export const call = <A>(ask: (now: number) => Promise<A>): Effect.Effect<A, Failure> =>
  Effect.mapError(Time.call(ask), failureOf)
