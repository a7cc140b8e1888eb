/**
 * beego's layout in a backend that has tokens for compare-and-swap, but does not return how long a value has still to
 * live: memcached and Couchbase.
 */
import type * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import { toBuffer } from "../../internal/bytes.js"
import { type ForeignStore, sha1 } from "../../Provider/foreign/provider.js"
import type { CasStore } from "../../Provider/internal/casProvider.js"
import { Recent } from "../../Provider/internal/recent.js"
import { expiry, withNow } from "../../Provider/internal/time.js"
import type { Revision } from "../../Provider/Provider.js"

export interface Options<Token> extends Pick<ForeignStore, "isKey"> {
  /** Keeps values without anything added to them: only the backend has their lifetime. */
  readonly store: CasStore<Token>
  /** Renews a value's lifetime. Returns false if there is no value. */
  readonly touch: (key: string, ttl: Duration.Duration) => Effect.Effect<boolean, unknown>
}

/** How many sessions' expiries are remembered. */
const maxExpiries = 4096

export const make = <Token>({ isKey, store, touch }: Options<Token>): ForeignStore => {
  // The expiries that were set here are remembered; for all other sessions this assumes the worst.
  const expiries = new Recent<string, number>(maxExpiries)

  const remember = (id: string, ttl: Duration.Duration): Effect.Effect<number> =>
    withNow((now) => {
      const expiresAt = expiry(now, ttl)
      expiries.use(id, expiresAt)
      return Effect.succeed(expiresAt)
    })

  /**
   * Changes the session if it is at `revision`: its bytes are the same, and it was not even touched since they were
   * read.
   */
  const changeAt = <A>(
    id: string,
    revision: Revision,
    change: (token: Token) => Effect.Effect<A | "changed" | "gone", unknown>
  ): Effect.Effect<A | "changed" | "gone", unknown> =>
    Effect.flatMap(store.get(id), (item) =>
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
    get: (id) =>
      Effect.flatMap(store.get(id), (item) =>
        withNow((now) =>
          Effect.succeed(
            item === undefined
              ? undefined
              : { payload: item.value, expiresAt: Math.max(expiries.get(id) ?? 0, now + 1) }
          )
        )
      ),
    add: (id, payload, ttl) =>
      Effect.flatMap(store.add(id, toBuffer(payload), ttl), (added) =>
        added ? remember(id, ttl) : Effect.succeed(undefined)
      ),
    replace: (id, payload, ttl, revision) =>
      changeAt<number>(id, revision, (token) =>
        Effect.flatMap(
          store.replace(id, toBuffer(payload), ttl, token),
          (change): Effect.Effect<number | "changed" | "gone"> =>
            change === "done" ? remember(id, ttl) : Effect.succeed(change)
        )
      ),
    removeAt: (id, revision) => changeAt<"done">(id, revision, (token) => store.removeAt(id, token)),
    remove: store.remove,
    touch: (id, ttl) =>
      Effect.flatMap(touch(id, ttl), (touched) => (touched ? remember(id, ttl) : Effect.succeed(undefined)))
  }
}
