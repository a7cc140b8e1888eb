/**
 * beego's layout where the backend has tokens to compare and swap by, and does not tell how long a value has still to live: memcached
 * and Couchbase.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { toBuffer } from "../../Provider/internal/bytes.js"
import type { CasStore } from "../../Provider/internal/casProvider.js"
import type { Revision } from "../../Provider/Provider.js"
import type { SessionError } from "../../SessionError.js"
import { type BeegoStore, sha1 } from "./provider.js"

export interface Options<Token> {
  /** Values without anything added to them: their lifetime is the backend's alone. */
  readonly store: CasStore<Token>
  /** Renews a value's lifetime; answers false where there is no value. */
  readonly touch: (operation: string, key: string, ttl: Duration.Duration) => Effect.Effect<boolean, SessionError>
  /** Whether this can be a key at all; no session has another. */
  readonly isKey: (id: string) => boolean
}

/** How many sessions' expiries are remembered. */
const maxExpiries = 4096

export const make = <Token>({ isKey, store, touch }: Options<Token>): BeegoStore => {
  // The expiries that were set here are remembered; for all other sessions the worst is assumed.
  const expiries = new Map<string, number>()

  const remember = (id: string, ttl: Duration.Duration): Effect.Effect<number> =>
    Effect.clockWith((clock) => {
      const expiresAt = clock.unsafeCurrentTimeMillis() + Duration.toMillis(ttl)
      expiries.delete(id)
      expiries.set(id, expiresAt)
      if (expiries.size > maxExpiries) {
        expiries.delete(expiries.keys().next().value!)
      }
      return Effect.succeed(expiresAt)
    })

  /** Changes the session where it is at `revision`: its very bytes, and nobody has touched them since they were looked at. */
  const changeAt = <A>(
    operation: string,
    id: string,
    revision: Revision,
    change: (token: Token) => Effect.Effect<A | "changed" | "gone", SessionError>
  ): Effect.Effect<A | "changed" | "gone", SessionError> =>
    Effect.flatMap(store.get(operation, id), (item) =>
      item === undefined
        ? Effect.succeed("gone" as const)
        : sha1(item.value) !== revision
          ? Effect.succeed("changed" as const)
          : change(item.token)
    )

  return {
    name: store.name,
    capabilities: store.capabilities,
    isKey,
    get: (operation, id) =>
      Effect.flatMap(store.get(operation, id), (item) =>
        Effect.clockWith((clock) => {
          const now = clock.unsafeCurrentTimeMillis()
          return Effect.succeed(
            item === undefined
              ? undefined
              : { payload: item.value, expiresAt: Math.max(expiries.get(id) ?? 0, now + 1) }
          )
        })
      ),
    add: (operation, id, payload, ttl) =>
      Effect.flatMap(store.add(operation, id, toBuffer(payload), ttl), (added) =>
        added ? remember(id, ttl) : Effect.succeed(undefined)
      ),
    replace: (operation, id, payload, ttl, revision) =>
      changeAt<number>(operation, id, revision, (token) =>
        Effect.flatMap(
          store.replace(operation, id, toBuffer(payload), ttl, token),
          (change): Effect.Effect<number | "changed" | "gone"> =>
            change === "done" ? remember(id, ttl) : Effect.succeed(change)
        )
      ),
    removeAt: (operation, id, revision) =>
      changeAt<"done">(operation, id, revision, (token) => store.removeAt(operation, id, token)),
    remove: store.remove,
    touch: (operation, id, ttl) =>
      Effect.flatMap(touch(operation, id, ttl), (touched) => (touched ? remember(id, ttl) : Effect.succeed(undefined)))
  }
}
