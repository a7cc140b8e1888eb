/**
 * Another library's layout in a server whose scripts compare a session and change it in one step: Redis and LedisDB.
 */
import { millisOf } from "#dialect/clock"
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { toBuffer } from "../../internal/bytes.js"
import type { Revision } from "../Provider.js"
import { type Client, call, millis } from "../redis/scripted.js"
import type { Script } from "../redis/scripts.js"
import type { ForeignStore } from "./provider.js"

/**
 * The scripts. KEYS: id. Lifetimes are in milliseconds. All return false if there is no session, and `add` if there is
 * one.
 */
export interface Scripts {
  /** ARGV: payload, ttl. */
  readonly add: Script
  /** ARGV: expected revision, payload, ttl. Returns 0 if the session is at another revision. */
  readonly replace: Script
  /** ARGV: expected revision. Returns 0 if the session is at another revision. */
  readonly removeAt: Script
  readonly remove: Script
  /** ARGV: ttl. */
  readonly touch: Script
}

/** Calls the server; `reply` also gets the time at which the reply arrived. */
export const timed = <A, B>(ask: () => Promise<A>, reply: (reply: A, now: number) => B): Effect.Effect<B, unknown> =>
  Effect.clockWith((clock) => call(ask, (answer) => reply(answer, millisOf(clock))))

/**
 * Makes the changing operations on the keys of a prefix and an id. `expected` converts a revision to the form that the
 * scripts compare.
 */
export const changes = (
  client: Pick<Client, "run">,
  scripts: Scripts,
  prefix: string,
  expected: (revision: Revision) => string | Buffer
): Pick<ForeignStore, keyof Scripts> => {
  const expiresAt = (ttl: Duration.Duration) => (reply: unknown, now: number) =>
    reply === null ? undefined : now + millis(ttl)
  return {
    add: (id, payload, ttl) =>
      timed(() => client.run(scripts.add, [prefix + id], [toBuffer(payload), millis(ttl)]), expiresAt(ttl)),
    replace: (id, payload, ttl, revision) =>
      timed(
        () => client.run(scripts.replace, [prefix + id], [expected(revision), toBuffer(payload), millis(ttl)]),
        (reply, now) => refusal(reply) ?? now + millis(ttl)
      ),
    removeAt: (id, revision) =>
      timed(
        () => client.run(scripts.removeAt, [prefix + id], [expected(revision)]),
        (reply) => refusal(reply) ?? "done"
      ),
    remove: (id) =>
      timed(
        () => client.run(scripts.remove, [prefix + id], []),
        () => undefined
      ),
    touch: (id, ttl) => timed(() => client.run(scripts.touch, [prefix + id], [millis(ttl)]), expiresAt(ttl))
  }
}

const refusal = (reply: unknown): "gone" | "changed" | undefined =>
  reply === null ? "gone" : reply === 0 ? "changed" : undefined
