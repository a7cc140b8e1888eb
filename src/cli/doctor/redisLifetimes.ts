/**
 * Sessions that never end: keys under the prefix without a lifetime, as a PERSIST, a RESTORE without one, or another program
 * leaves them. They are sampled, since a server may have millions.
 */
import type { Redis } from "ioredis"
import * as Effect from "#effect/Effect"
import { Failure } from "../../internal/failure.js"
import { failureOf, replyCode } from "../../Provider/redis/failures.js"
import { isId } from "../../Provider/redis/keys.js"
import { type Finding, ok, warning } from "./finding.js"

/** How many sessions are looked at, and in how many steps through the keys they are searched for. */
const most = 500
const steps = 50

/** Of some keys, those of sessions: in a cluster with a hash tag in braces. */
const isSession = (prefix: string) => (key: string) =>
  key.startsWith(prefix) && isId(key.slice(prefix.length).replace(/^\{([\w-]+)\}/, "$1"))

/** The keys of some sessions. */
const sampled = async (client: Redis, prefix: string): Promise<ReadonlyArray<string>> => {
  const pattern = `${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`
  const found = new Set<string>()
  let cursor = "0"
  for (let step = 0; step < steps && found.size < most; step++) {
    const [next, keys] = await client.scan(cursor, "MATCH", pattern, "COUNT", 500)
    for (const key of keys.filter(isSession(prefix))) {
      found.add(key)
    }
    cursor = next
    if (cursor === "0") {
      break
    }
  }
  return [...found].slice(0, most)
}

/** The findings, from the lifetimes of a sample: -1 for none, and less for a key that is gone meanwhile. */
const endless = (ttls: ReadonlyArray<number>): ReadonlyArray<Finding> => {
  const without = ttls.filter((ttl) => ttl === -1).length
  return without > 0
    ? [
        warning(
          `${without} of a sample of ${ttls.length} sessions have no lifetime: they never end by themselves, and fill the server`,
          "find what took it from them (PERSIST, a RESTORE without a TTL, another program with this prefix), and remove them or give them one with PEXPIRE"
        )
      ]
    : [
        ok(
          ttls.length === 0
            ? "there are no sessions yet whose lifetime could be looked at"
            : `all of a sample of ${ttls.length} sessions have a lifetime`
        )
      ]
}

/** Looks at the lifetimes of the sessions among some keys. */
export const lifetimes = (
  prefix: string,
  sample: () => Promise<ReadonlyArray<string>>,
  lifetimeOf: (key: string) => Promise<number>
): Effect.Effect<ReadonlyArray<Finding>, Failure> =>
  Effect.map(
    Effect.tryPromise({
      try: async () => Promise.all((await sample()).filter(isSession(prefix)).map(lifetimeOf)),
      catch: (cause) =>
        cause instanceof Error && replyCode(cause.message) === "NOPERM"
          ? new Failure("the user may not SCAN or PTTL, of which sessions need only SCAN")
          : failureOf(cause)
    }),
    endless
  )

/** Looks at the lifetimes of some sessions of Redis. */
export const lifetimesOn = (client: Redis, prefix: string): Effect.Effect<ReadonlyArray<Finding>, Failure> =>
  lifetimes(
    prefix,
    () => sampled(client, prefix),
    (key) => client.pttl(key)
  )
