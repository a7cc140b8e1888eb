/**
 * memcached as a store of values that change by compare-and-swap.
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type { CasStore, Change } from "../internal/casProvider.js"
import { ofRemoval, ofValue, settled, type Told } from "../internal/lostWrite.js"
import { type Capabilities, defaultCapabilities } from "../Provider.js"
import * as Protocol from "./protocol.js"
import { type Ask, backend } from "./servers.js"

export const capabilities: Capabilities = {
  ...defaultCapabilities,
  // By default, memcached allows an item of 1 MiB, with its key and memcached's own header.
  maxPayload: 1024 * 1024 - 512,
  evicts: true
}

/** What is stored. */
export interface Manner {
  readonly capabilities: Capabilities
  /** Whether no two values are the same, since each has its revision in it, and its expiry. */
  readonly distinct: boolean
}

/** In seconds: above it memcached reads an exptime as a date. */
const longest = 30 * 24 * 60 * 60

/**
 * The exptime for a lifetime, two seconds longer: a value counts from the server's clock, which can be two seconds
 * behind. That holds the full second of its last tick, and the next tick comes a second later or a little more
 * (memcached.c, `clock_handler`): after 9.95, which set 9, it can come at 11.05, which sets 11. Above 30 days it is a
 * date on the server's clock, in 31 bits (protocol.txt, "Expiration times"), here made of this machine's clock.
 *
 * @param margin How many seconds longer a value may stay, in case the clocks differ.
 */
export const exptimeOf = (ttl: Duration.Duration, margin = 0): number => {
  const seconds = Math.ceil(Duration.toSeconds(ttl)) + 2
  return seconds <= longest ? seconds : Math.min(Math.floor(Date.now() / 1000) + seconds + margin, 2 ** 31 - 1)
}

/** For values that have their expiry in them: it does no harm if the server keeps them for longer. */
const day = 24 * 60 * 60

/** An exptime with which a value is gone at once. */
const inThePast = -1

const nothing = Buffer.alloc(0)

/**
 * If the connection is lost, a command is sent once more, as far as what the server holds then tells that it was not
 * executed, or that it may be executed twice. If it tells neither, the command fails.
 */
export const make = (ask: Ask, { capabilities, distinct }: Manner): CasStore<string> => {
  const exptime = (ttl: Duration.Duration) => exptimeOf(ttl, distinct ? day : 0)
  const again = <A>(command: Protocol.Command<A>): Protocol.Command<A> => ({
    ...command,
    lost: (_, within) => ask({ ...command, within })
  })

  const swap = (command: Protocol.Command<Change>, token: string, told: Told): Protocol.Command<Change> => ({
    ...command,
    lost: (failure, left) =>
      Effect.flatMap(ask({ ...Protocol.gets(command.key), within: left / 2 }), (item) =>
        settled(item?.token === token, told(item?.value), ask({ ...command, within: left / 2 }), failure)
      )
  })

  return {
    name: backend,
    capabilities,
    get: (key) => ask(again(Protocol.gets(key))),
    add: (key, value, ttl) => {
      const command = Protocol.add(key, value, exptime(ttl))
      return ask({
        ...command,
        lost: (failure, left) =>
          Effect.flatMap(ask({ ...Protocol.gets(key), within: left / 2 }), (item) =>
            item === undefined
              ? ask({ ...command, within: left / 2 })
              : distinct
                ? Effect.succeed(item.value.equals(value))
                : Effect.fail(failure)
          )
      })
    },
    replace: (key, value, ttl, token) =>
      ask(swap(Protocol.cas(key, value, exptime(ttl), token), token, ofValue(value, distinct))),
    // memcached has no conditional delete, but a compare-and-swap with an expiry in the past acts as one.
    removeAt: (key, token) => ask(swap(Protocol.cas(key, nothing, inThePast, token), token, ofRemoval)),
    remove: (key) => Effect.asVoid(ask(again(Protocol.remove(key))))
  }
}
