/**
 * Revocations outlive every copy of the session: clocks that differ, a seal under way, lifetimes that a deployment changes.
 */
import { type SessionError, SessionLayer, type SessionProvider } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Memory from "effect-session/memory"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Deferred from "#effect/Deferred"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Layer from "#effect/Layer"
import * as Redacted from "#effect/Redacted"
import { at } from "#test/clock"
import { describe, expect, it } from "#test/vitest"
import type { Keeper, Kept } from "../../src/Manager/Keeper.js"
import { capabilities as memcached } from "../../src/Provider/memcached/store.js"
import { keeperOf, key } from "../support/cookies.js"

const idle = Duration.minutes(30)
const remember = { idleTimeout: Duration.days(14), absoluteTimeout: Duration.days(30) }
const lifetimes = { idleTimeout: idle, absoluteTimeout: Duration.infinity, remember }
const text = new TextEncoder().encode("text")

const begin = (keeper: Keeper) => Effect.suspend(() => keeper.begin(keeper.makeId(undefined), text, idle))

const isLive = (keeper: Keeper, { token }: Kept) => Effect.map(keeper.open(token!), (found) => found !== undefined)

// A clock of its own: to let a minute pass on the test's takes milliseconds.
let now = 1_900_000_000_000

const pass = (duration: Duration.Input) =>
  Effect.sync(() => {
    now += Duration.toMillis(duration)
  })

/** On a machine whose clock is so far ahead. */
const on = (skew: Duration.Input) => at(() => now + Duration.toMillis(skew))

/** A server with the right time, whoever calls it. */
const server = (): SessionProvider.Provider => {
  const memory = Memory.make()
  return {
    ...memory,
    exists: (id) => on(0)(memory.exists(id)),
    read: (id) => on(0)(memory.read(id)),
    create: (id, payload, ttl) => on(0)(memory.create(id, payload, ttl))
  }
}

/** That no copy is read again, nor renewed, at any minute of so many hours, by a machine whose clock is so far ahead. */
const staysDead = (keeper: Keeper, copy: Kept, hours: number, skew: Duration.Input = 0) =>
  Effect.gen(function* () {
    for (let minute = 0; minute < hours * 60; minute++) {
      expect(yield* on(skew)(isLive(keeper, copy)), `minute ${minute}`).toBe(false)
      expect(yield* on(skew)(keeper.touch(copy, idle)), `minute ${minute}`).toBeUndefined()
      yield* pass("1 minute")
    }
  })

const timely = (name: string, test: () => Effect.Effect<void, SessionError>) => it.effect(name, () => on(0)(test()))

describe("a revocation outlives every copy", () => {
  for (const [what, configured] of [
    ["with an absolute end", { ...lifetimes, absoluteTimeout: Duration.hours(2) }],
    ["without one", lifetimes]
  ] as const) {
    // The machines' clocks in minutes.
    for (const [one, other] of [
      [2, 0],
      [0, 2],
      [-1, 3],
      [4, 0],
      [150, 0],
      [0, -150]
    ] as const) {
      timely(`of two machines whose clocks are ${one} and ${other} minutes ahead, ${what}`, () =>
        Effect.gen(function* () {
          const keys = [key()]
          const revocations = server()
          const keeper = keeperOf(yield* Cookie.make({ keys, revocations }), configured)
          const copy = yield* on(Duration.minutes(one))(begin(keeper))
          yield* on(Duration.minutes(one))(keeper.end(copy.token!))
          yield* staysDead(keeper, copy, 6, Duration.minutes(other))
        })
      )
    }

    timely(`of a request that had asked before the session ended, and seals afterwards, ${what}`, () =>
      Effect.gen(function* () {
        const revocations = server()
        const [asked, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const keys = [key()]
        const keeper = keeperOf(yield* Cookie.make({ keys, revocations }), configured)
        const slow = keeperOf(
          yield* Cookie.make({
            keys,
            revocations: {
              ...revocations,
              read: (id) =>
                Effect.tap(revocations.read(id), () =>
                  Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(goOn))
                )
            }
          }),
          configured
        )
        const kept = yield* begin(keeper)
        const touching = yield* Effect.forkChild(slow.touch(kept, idle))
        yield* Deferred.await(asked)
        yield* keeper.end(kept.token!)
        yield* pass("2 minutes")
        yield* Deferred.succeed(goOn, undefined)
        yield* staysDead(keeper, (yield* Fiber.join(touching))!, 3)
      })
    )
  }

  timely("that was sealed for longer, by a process of the next deployment", () =>
    Effect.gen(function* () {
      const keys = [key()]
      const revocations = server()
      const sealing = yield* Cookie.make({ keys, revocations })
      const later = keeperOf(sealing, { ...lifetimes, idleTimeout: Duration.hours(8) })
      const kept = yield* begin(keeperOf(sealing, lifetimes))
      yield* pass("1 minute")
      const copy = (yield* later.touch(kept, Duration.hours(8)))!
      // By the cookie that was not renewed since.
      yield* later.end(kept.token!)
      yield* staysDead(later, copy, 9)
    })
  )

  timely("also if the process of the deployment before ends it, as far as the absolute end is known", () =>
    Effect.gen(function* () {
      const keys = [key()]
      const revocations = server()
      const sealing = yield* Cookie.make({ keys, revocations })
      const absoluteTimeout = Duration.hours(12)
      const [before, after] = [idle, Duration.hours(8)].map((idleTimeout) =>
        keeperOf(sealing, { idleTimeout, absoluteTimeout, remember })
      ) as [Keeper, Keeper]
      const kept = yield* begin(before)
      const copy = (yield* after.touch(kept, Duration.hours(8)))!
      yield* before.end(kept.token!)
      yield* staysDead(after, copy, 9)
    })
  )

  timely("also if nothing is known to the process of the deployment before but a shorter lifetime", () =>
    Effect.gen(function* () {
      const keys = [key()]
      const revocations = server()
      const sealing = yield* Cookie.make({ keys, revocations })
      const [before, after] = [idle, Duration.hours(8)].map((idleTimeout) =>
        keeperOf(sealing, { ...lifetimes, idleTimeout })
      ) as [Keeper, Keeper]
      const kept = yield* begin(before)
      const copy = (yield* after.touch(kept, Duration.hours(8)))!
      yield* before.end(kept.token!)
      yield* staysDead(after, copy, 9)
    })
  )
})

describe("a provider that may forget revocations", () => {
  it.effect("is refused, since a forgotten one undoes a sign-out", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Layer.build(Cookie.layer({ keys: [key()], revocations: Memory.layer({ maxSessions: 100 }) }))
      )
      expect(error).toMatchObject({ reason: "InvalidConfig" })
      expect(error.message).toMatch(/^cookie: revocations: memory evicts .*leave maxSessions out/)
      yield* Layer.build(Cookie.layer({ keys: [key()], revocations: Memory.layer() }))
    })
  )

  it.effect("is refused if it is memcached, which evicts when it is full", () =>
    Effect.gen(function* () {
      const revocations = { ...Memory.make(), name: "memcached", capabilities: memcached }
      const error = yield* Effect.flip(Cookie.make({ keys: [key()], revocations }))
      expect(error).toMatchObject({ reason: "InvalidConfig" })
      expect(error.message).toMatch(/^cookie: revocations: memcached evicts .*: use a backend that does not evict$/)
    })
  )

  it.effect("is refused with environment variables, too", () =>
    Effect.gen(function* () {
      const variables = {
        SESSION_PROVIDER: "cookie",
        SESSION_KEYS: Redacted.value(key()),
        SESSION_REVOCATIONS: "memory",
        SESSION_MAX_SESSIONS: "100"
      }
      const error = yield* Effect.flip(
        Layer.build(
          Layer.provide(SessionLayer.fromConfig(), ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables)))
        )
      )
      expect(String(error)).toContain("an evicted revocation undoes a sign-out")
    })
  )
})
