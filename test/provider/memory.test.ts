/**
 * The memory provider: conformance, and what is its own.
 */
import { SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as FastCheck from "fast-check"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as TestClock from "#effect/testing/TestClock"
import { withTestClock } from "#test/clock"
import { describe, expect, it } from "#test/vitest"
import { conformsByClock } from "./conforms.js"

describe("memory", () => {
  conformsByClock({
    layer: Memory.layer(),
    capabilities: {
      ...SessionProvider.defaultCapabilities,
      durable: false,
      inProcess: true,
      maxPayload: Number.POSITIVE_INFINITY
    },
    optional: { count: true, list: true, gc: true, marked: true }
  })
})

const id = (n: number) => `${n}`.padStart(43, "0") as SessionProvider.StoredId

const bytes = new TextEncoder().encode("data")

describe("memory with maxSessions", () => {
  it.effect("evicts the least recently used, as if it had expired", () =>
    Effect.gen(function* () {
      const memory = Memory.make({ maxSessions: 3 })
      for (const n of [1, 2, 3]) {
        yield* memory.create(id(n), bytes, Duration.hours(1))
      }
      yield* memory.read(id(1))
      yield* memory.create(id(4), bytes, Duration.hours(1))
      const there = yield* Effect.all([1, 2, 3, 4].map((n) => memory.exists(id(n))))
      expect(there).toEqual([true, false, true, true])
      expect(yield* memory.count!).toBe(3)
    })
  )
})

describe("memory's garbage collection, against a model", () => {
  it.effect("removes at each moment just what has expired", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.array(
            FastCheck.oneof(
              FastCheck.record({
                type: FastCheck.constantFrom("create" as const, "touch" as const),
                n: FastCheck.nat(9),
                ttl: FastCheck.integer({ min: 1, max: 5_000 })
              }),
              FastCheck.record({ type: FastCheck.constant("destroy" as const), n: FastCheck.nat(9) }),
              FastCheck.record({ type: FastCheck.constant("pass" as const), millis: FastCheck.nat(3_000) }),
              FastCheck.record({ type: FastCheck.constant("gc" as const) })
            ),
            { maxLength: 40 }
          ),
          (steps) =>
            Effect.runPromise(
              Effect.gen(function* () {
                const memory = Memory.make()
                const model = new Map<number, number>()
                let now = 0
                let uncollected = 0
                const bury = () => {
                  for (const [n, expiresAt] of model) {
                    if (expiresAt <= now) {
                      model.delete(n)
                      uncollected++
                    }
                  }
                }
                for (const step of steps) {
                  switch (step.type) {
                    case "create": {
                      const created = yield* memory.create(id(step.n), bytes, Duration.millis(step.ttl))
                      expect(created._tag).toBe(model.has(step.n) ? "Exists" : "Written")
                      if (!model.has(step.n)) {
                        model.set(step.n, now + step.ttl)
                      }
                      break
                    }
                    case "touch":
                      yield* memory.touch(id(step.n), Duration.millis(step.ttl))
                      if (model.has(step.n)) model.set(step.n, now + step.ttl)
                      break
                    case "destroy":
                      yield* memory.destroy(id(step.n))
                      model.delete(step.n)
                      break
                    case "pass":
                      yield* TestClock.adjust(step.millis)
                      now += step.millis
                      bury()
                      break
                    case "gc":
                      // A new session, or a destroy, may have taken a dead one's place.
                      expect(yield* memory.gc!).toBeLessThanOrEqual(uncollected)
                      uncollected = 0
                  }
                  expect(yield* memory.exists(id(3))).toBe(model.has(3))
                }
                expect(yield* memory.count!).toBe(model.size)
              }).pipe(withTestClock)
            )
        )
      )
    )
  )

  it.effect("a session that never expires has an expiry that a Date can hold, as in every backend", () =>
    Effect.gen(function* () {
      const memory = Memory.make()
      const id = "forever" as SessionProvider.StoredId
      const made = yield* memory.create(id, Buffer.from("1"), Duration.infinity)
      expect(made).toMatchObject({ _tag: "Written", expiresAt: 8.64e15 })
      yield* TestClock.adjust("36500 days")
      expect(yield* memory.exists(id)).toBe(true)
      expect(yield* memory.gc!).toBe(0)
    })
  )
})
