/**
 * memcached as a store of values that change by compare-and-swap.
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type { CasStore } from "../internal/casProvider.js"
import { type Capabilities, defaultCapabilities } from "../Provider.js"
import * as Protocol from "./protocol.js"
import { type Ask, backend } from "./servers.js"

export const capabilities: Capabilities = {
  ...defaultCapabilities,
  // By default, memcached allows an item of 1 MiB, with its key and memcached's own header.
  maxPayload: 1024 * 1024 - 512
}

/**
 * The exptime for a lifetime, two seconds longer: a value counts from the server's clock, which can be two seconds
 * behind. That holds the full second of its last tick, and the next tick comes a second later or a little more
 * (memcached.c, `clock_handler`): after 9.95, which set 9, it can come at 11.05, which sets 11. Above 30 days it is a
 * date on the server's clock, in 31 bits (protocol.txt, "Expiration times").
 */
export const exptimeOf = (ttl: Duration.Duration): number => {
  const seconds = Math.ceil(Duration.toSeconds(ttl)) + 2
  return seconds <= 30 * 24 * 60 * 60 ? seconds : Math.min(Math.floor(Date.now() / 1000) + seconds, 2 ** 31 - 1)
}

/** An exptime with which a value is gone at once. */
const inThePast = -1

const nothing = Buffer.alloc(0)

export const make = (ask: Ask, capabilities: Capabilities): CasStore<string> => ({
  name: backend,
  capabilities,
  get: (key) => ask(Protocol.gets(key)),
  add: (key, value, ttl) => ask(Protocol.add(key, value, exptimeOf(ttl))),
  replace: (key, value, ttl, token) => ask(Protocol.cas(key, value, exptimeOf(ttl), token)),
  // memcached has no conditional delete, but a compare-and-swap with an expiry in the past acts as one.
  removeAt: (key, token) => ask(Protocol.cas(key, nothing, inThePast, token)),
  remove: (key) => Effect.asVoid(ask(Protocol.remove(key)))
})
