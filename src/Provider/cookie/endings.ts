/**
 * Records which of the sessions that clients hold have ended. All copies look alike, so only such a record tells an
 * ended session from a live one.
 *
 * With a provider, an ending is recorded there for all processes, under the hash of the session's id. Without one, this
 * process remembers it for a minute, so that a request under way does not seal a session again that another request has
 * ended.
 */
import { hash, randomBytes } from "node:crypto"
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type { Provider, StoredId } from "../Provider.js"
import type { Ended, Ending, Endings, Generations, Lifetimes, Sealed } from "./SealedSessions.js"

/**
 * Allows for clocks that differ, for requests that checked a session before it ended and seal it afterwards, and for
 * processes of the next deployment, which seal for longer than this one knows.
 */
const margin = Duration.toMillis("1 day")

/** Endings in a provider. */
export const recordedIn = (provider: Provider): Endings => ({
  revocable: true,
  provider,
  inProcess: provider.capabilities.inProcess,
  answersWithin: provider.capabilities.answersWithin,
  isRevoked: (session) => provider.exists(idOf(session)),
  endingOf: (session) =>
    Effect.map(provider.read(idOf(session)), (found) =>
      Option.isNone(found) ? undefined : decode(found.value.payload)
    ),
  end: (session, ending, lifetimes) =>
    Effect.clockWith((clock) => {
      const now = millisOf(clock)
      return Effect.map(
        provider.create(
          idOf(session),
          encode(ending, now),
          Duration.millis(lastCopy(session, lifetimes, now) + margin - now)
        ),
        ({ _tag }) => _tag === "Written"
      )
    }),
  generations: generationsIn(provider),
  gc: provider.gc
})

const generationsIn = (provider: Provider): Generations => ({
  current: (principal) =>
    Effect.map(provider.read(principal), (found) =>
      Option.isNone(found) ? undefined : Buffer.from(found.value.payload).toString("latin1")
    ),
  begin: (principal, lifetimes) => {
    const name = Buffer.from(randomBytes(9).toString("base64url"))
    const { absoluteTimeout, idleTimeout, remember } = lifetimes
    const longest = Duration.isFinite(absoluteTimeout) ? absoluteTimeout : idleTimeout
    const ttl = Duration.millis(
      Math.max(Duration.toMillis(longest), Duration.toMillis(remember.absoluteTimeout)) + margin
    )
    // Whoever else begins one at the same time ends the same sessions.
    return Effect.flatMap(provider.read(principal), (found) =>
      Option.isNone(found)
        ? Effect.asVoid(provider.create(principal, name, ttl))
        : Effect.asVoid(provider.write(principal, name, ttl, found.value.revision))
    )
  }
})

/** Encodes an ending as 9 bytes: 1 for `moved` or 0 for `ended`, then its time (milliseconds, a double, big-endian). */
const encode = (ending: Ending, at: number): Uint8Array => {
  const bytes = Buffer.alloc(9)
  bytes[0] = ending === "moved" ? 1 : 0
  bytes.writeDoubleBE(at, 1)
  return bytes
}

/** Anything else counts as `ended`, long ago. */
const decode = (payload: Uint8Array): Ended => ({
  ending: payload[0] === 1 ? "moved" : "ended",
  at: payload.length === 9 ? Buffer.from(payload).readDoubleBE(1) : 0
})

const idOf = ({ id }: Sealed): StoredId => hash("sha256", id, "base64url") as StoredId

/**
 * When the last copy of a session expires. Without an absolute timeout, this follows from the longest lifetime for
 * which a copy may be sealed: the lifetime of this copy or, since another process may have sealed one under a newer
 * configuration, the one configured now.
 */
const lastCopy = ({ createdAt, expiresAt, lifetime }: Sealed, lifetimes: Lifetimes, now: number): number => {
  const { absoluteTimeout, idleTimeout, remember } = lifetimes
  // Only a session whose owner is remembered is sealed for longer than the idle timeout.
  const absolute = Math.max(
    Duration.toMillis(absoluteTimeout),
    lifetime > Duration.toMillis(idleTimeout) ? Duration.toMillis(remember.absoluteTimeout) : 0
  )
  return Math.max(
    expiresAt,
    Number.isFinite(absolute) ? createdAt + absolute : now + Math.max(lifetime, Duration.toMillis(idleTimeout))
  )
}

/** How long this process remembers an ending, in milliseconds: longer than requests usually take. */
const memory = 60_000

/** How many endings this process remembers. Above it, the oldest one is forgotten. */
const maxRemembered = 10_000

/** Endings in the memory of this process. */
export const remembered = (): Endings => {
  const endings = new Map<string, Ended>()
  const endingOf = (id: string, now: number): Ended | undefined => {
    const known = endings.get(id)
    return known !== undefined && now < known.at + memory ? known : undefined
  }
  const forgetOld = (now: number): void => {
    for (const [id, { at }] of endings) {
      if (now < at + memory && endings.size < maxRemembered) {
        return
      }
      endings.delete(id)
    }
  }
  return {
    revocable: false,
    inProcess: true,
    answersWithin: Number.POSITIVE_INFINITY,
    isRevoked: () => Effect.succeed(false),
    endingOf: ({ id }) => withNow((now) => endingOf(id, now)),
    end: ({ id }, ending) =>
      withNow((now) => {
        if (endingOf(id, now) !== undefined) {
          return false
        }
        forgetOld(now)
        endings.set(id, { ending, at: now })
        return true
      })
  }
}

const withNow = <A>(f: (now: number) => A): Effect.Effect<A> =>
  Effect.clockWith((clock) => Effect.succeed(f(millisOf(clock))))
