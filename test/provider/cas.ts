// What the tests of the providers by compare-and-swap, memcached and Couchbase, share.

import type { SessionError, SessionProvider } from "effect-session"
import { ended } from "#dialect/runtime"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Option from "#effect/Option"
import type * as Scope from "#effect/Scope"
import { expect, it } from "#test/vitest"

export const day = Duration.days(1)

let count = 0
export const newId = () => `session${count++}-${process.pid}-${Date.now()}` as SessionProvider.StoredId

export const bytes = (text: string) => Buffer.from(text)

export const textOf = (stored: Option.Option<SessionProvider.Stored>) =>
  Option.isNone(stored) ? undefined : Buffer.from(stored.value.payload).toString()

export const written = (result: { readonly _tag: string }) => {
  expect(result._tag).toBe("Written")
  return result as SessionProvider.Written
}

/** A touch changes the store's token and not the session's revision: two clients, one that writes and one that touches. */
export const touchesAmongWrites = (make: Effect.Effect<SessionProvider.Provider, SessionError, Scope.Scope>): void => {
  it.live("touches among writes neither undo one nor fail", () =>
    Effect.gen(function* () {
      const [one, other] = yield* Effect.all([make, make])
      const id = newId()
      yield* one.create(id, bytes("0"), day)
      const increment: Effect.Effect<void, SessionError> = Effect.gen(function* () {
        const stored = Option.getOrThrow(yield* one.read(id))
        const next = bytes(String(Number(textOf(Option.some(stored))) + 1))
        return (yield* one.write(id, next, day, stored.revision))._tag === "Written" ? undefined : yield* increment
      })
      const touches = yield* Effect.forkChild(
        Effect.forever(
          Effect.all(
            [1, 2, 3, 4].map(() => other.touch(id, day)),
            { concurrency: 4 }
          )
        )
      )
      yield* Effect.all(
        Array.from({ length: 32 }, () => increment),
        { concurrency: 32 }
      )
      expect(ended(touches) === undefined).toBe(true)
      yield* Fiber.interrupt(touches)
      expect(textOf(yield* one.read(id))).toBe("32")
    })
  )
}

/** A provider remembers the token of what it read last: with it, it must not undo what another process did since. */
export const mindsOthers = (make: Effect.Effect<SessionProvider.Provider, SessionError, Scope.Scope>): void => {
  for (const change of ["write", "regenerate"] as const) {
    it.live(`${change} minds what another process did since the session was read`, () =>
      Effect.gen(function* () {
        const [one, other] = yield* Effect.all([make, make])
        /** What becomes of the change, and what the session then holds, if `others` happens after the read. */
        const after = (
          others: (
            id: SessionProvider.StoredId,
            revision: SessionProvider.Revision
          ) => Effect.Effect<unknown, SessionError>
        ) =>
          Effect.gen(function* () {
            const id = newId()
            const { revision } = written(yield* one.create(id, bytes("first"), day))
            yield* one.read(id)
            yield* others(id, revision)
            const result =
              change === "write"
                ? yield* one.write(id, bytes("mine"), day, revision)
                : yield* one.regenerate({ oldId: id, newId: newId(), payload: bytes("mine"), ttl: day, revision })
            return [result._tag, textOf(yield* one.read(id))]
          })
        const theirs = (id: SessionProvider.StoredId, revision: SessionProvider.Revision) =>
          other.write(id, bytes("theirs"), day, revision)
        expect(yield* after(theirs)).toEqual(["Conflict", "theirs"])
        expect(yield* after((id) => other.destroy(id))).toEqual(["Gone", undefined])
        const held = change === "write" ? "mine" : undefined
        expect(yield* after((id) => other.touch(id, day))).toEqual(["Written", held])
      })
    )
  }
}

/**
 * `killed` runs a regenerate of `old`, which holds "before", to `new` with "after" in another process, which is killed just before or
 * just after the store gets the removal of the old session.
 */
export const killedWhileRegenerating = (
  killed: (
    when: "before" | "after"
  ) => Effect.Effect<
    { readonly provider: SessionProvider.Provider; readonly revision: SessionProvider.Revision },
    SessionError,
    Scope.Scope
  >
): void => {
  const oldId = "old" as SessionProvider.StoredId

  it.live("before the old session is ended: the session is as it was", () =>
    Effect.gen(function* () {
      const { provider, revision } = yield* killed("before")
      const old = Option.getOrThrow(yield* provider.read(oldId))
      expect(Buffer.from(old.payload).toString()).toBe("before")
      expect(old.revision).toBe(revision)
      written(yield* provider.write(oldId, bytes("on"), day, revision))
    })
  )

  it.live("after the old session was ended: the old id is dead", () =>
    Effect.gen(function* () {
      const { provider, revision } = yield* killed("after")
      expect(yield* provider.read(oldId)).toEqual(Option.none())
      expect((yield* provider.write(oldId, bytes("on"), day, revision))._tag).toBe("Gone")
      expect(textOf(yield* provider.read("new" as SessionProvider.StoredId))).toBe("after")
    })
  )
}
