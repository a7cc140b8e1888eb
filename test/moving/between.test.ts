// Sessions and lists that meet the end of one, a failing backend or another process between two steps of a move.

import { SessionConfig, SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { expect, it } from "#test/vitest"
import { ended, movedTo } from "../../src/Manager/marks.js"
import { atBoth } from "../../src/Manager/moving/ownLayout.js"
import type { Operation, StoredId } from "../../src/Provider/Provider.js"
import { SessionError } from "../../src/SessionError.js"

const config = Effect.runSync(SessionConfig.make({ idleTimeout: "30 minutes" }))
const ttl = Duration.minutes(30)
const [id, other] = ["a", "b"].map((letter) => letter.repeat(43) as StoredId) as [StoredId, StoredId]
const content = Buffer.from("content")

/** Does something before the next call of this operation. */
const before = (
  provider: SessionProvider.Provider,
  operation: Operation,
  first: Effect.Effect<unknown, SessionError>
) => {
  let isOver = false
  return {
    ...provider,
    ...SessionProvider.mapCalls(
      provider,
      (called) => (call) =>
        Effect.suspend(() => {
          if (called !== operation || isOver) {
            return call
          }
          isOver = true
          return Effect.andThen(first, call)
        }),
      (list) => list
    )
  }
}

const away = Effect.fail(new SessionError({ reason: "Unavailable", message: "away" }))

const places = () => {
  const [old, next] = [Memory.make(), Memory.make()]
  return { old, next, first: atBoth(next, old, config), second: atBoth(old, next, config) }
}

const isThere = ({ read }: SessionProvider.Provider) => Effect.map(read(id), Option.isSome)

it.live("a session that ends while it is coming does not come, even if the process that moves it stops", () =>
  Effect.gen(function* () {
    const { first, next, old, second } = places()
    yield* old.create(id, content, ttl)
    // It signs out at a process of the step before, once it was announced here; then the old backend is away.
    const stopping = atBoth(before(old, "write", away), before(next, "create", first.destroy(id, ended)), config)
    expect(yield* Effect.flip(stopping.read(id))).toMatchObject({ reason: "Unavailable" })
    expect([yield* isThere(second), yield* isThere(first), yield* isThere(second)]).toEqual([false, false, false])
  })
)

it.live("a session that gets another id while it is coming leaves the way to it", () =>
  Effect.gen(function* () {
    const { first, next, old, second } = places()
    yield* old.create(id, content, ttl)
    const { revision } = Option.getOrThrow(yield* first.read(id))
    const renewed = first.regenerate({ oldId: id, newId: other, payload: content, ttl, revision, mark: movedTo(other) })
    const moving = atBoth(before(old, "write", renewed), next, config)
    expect(yield* isThere(moving)).toBe(false)
    expect(yield* second.marked!(id)).toEqual(Option.some(movedTo(other).content))
    expect(Option.isSome(yield* second.read(other))).toBe(true)
  })
)

it.live("what goes back while it is looked for is in use at one place", () =>
  Effect.gen(function* () {
    const { first, next, old, second } = places()
    yield* old.create(id, content, ttl)
    yield* second.read(id)
    yield* first.read(id)
    // Between the two reads of this process it comes, and is announced at its old place.
    const going = atBoth(before(next, "write", away), old, config)
    const looking = atBoth(
      before(old, "read", Effect.andThen(second.read(id), Effect.ignore(going.read(id)))),
      next,
      config
    )
    expect(yield* isThere(looking)).toBe(true)
    expect(
      yield* Effect.map(
        next.read(id),
        Option.map(({ payload }) => String(payload))
      )
    ).toEqual(Option.some("content"))
    expect(
      yield* Effect.map(
        old.read(id),
        Option.map(({ payload }) => String(payload))
      )
    ).not.toEqual(Option.some("content"))
  })
)

it.live("what is touched is the session, wherever it is by then", () =>
  Effect.gen(function* () {
    const { first, next, old, second } = places()
    yield* old.create(id, content, Duration.minutes(1))
    yield* second.read(id)
    yield* first.read(id)
    yield* second.touch(id, ttl)
    const found = Option.getOrThrow(yield* first.read(id))
    expect(found.expiresAt - Date.now()).toBeGreaterThan(Duration.toMillis(Duration.minutes(29)))
    expect(yield* next.count!).toBe(1)
    expect(yield* isThere(second)).toBe(true)
  })
)

it.live("a list that two processes begin at once has both sessions, even if one of them stops", () =>
  Effect.gen(function* () {
    const { first, next, old, second } = places()
    const begun = (process: SessionProvider.Provider) => process.principals!.create(id, content, ttl)
    // The other one begins it first, and this one stops before it has looked there.
    const stopping = atBoth(
      before(old, "principals.read", away),
      before(next, "principals.create", begun(first)),
      config
    )
    expect(yield* Effect.flip(begun(stopping))).toMatchObject({ reason: "Unavailable" })
    const { revision } = Option.getOrThrow(yield* first.principals!.read(id))
    const more = Buffer.from("content, and more")
    expect(yield* first.principals!.write(id, more, ttl, revision)).toMatchObject({ _tag: "Written" })
    const there = yield* second.principals!.read(id)
    expect(String(Option.getOrThrow(there).payload)).toBe(String(more))
  })
)

it("a backend that may lose lists makes both do so, and a session fits at both", () => {
  const [small, evicting, slow] = [
    { maxPayload: 1000 },
    { evicts: true, maxPayload: 2000 },
    { expirySlack: 3200, maxPayload: 3000 }
  ].map((capabilities) => {
    const provider = Memory.make()
    return { ...provider, capabilities: { ...provider.capabilities, ...capabilities } }
  }) as [SessionProvider.Provider, SessionProvider.Provider, SessionProvider.Provider]
  expect(atBoth(small, evicting, config).capabilities).toMatchObject({ evicts: true, maxPayload: 999 })
  expect(atBoth(evicting, small, config).capabilities).toMatchObject({ evicts: true, maxPayload: 999 })
  expect(atBoth(slow, small, config).capabilities).toMatchObject({ evicts: false, maxPayload: 999, expirySlack: 3200 })
})
