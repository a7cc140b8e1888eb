/**
 * The memory provider: conformance, and what is its own.
 */
import { SessionHttp, SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as FastCheck from "fast-check"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import { withTestClock } from "#test/clock"
import { describe, expect, it } from "#test/vitest"
import { AppSession, serve } from "../support/http.js"
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
    optional: { count: true, list: true, gc: true, marked: true, principals: true }
  })
})

const id = (n: number) => `${n}`.padStart(43, "0") as SessionProvider.StoredId

const bytes = new TextEncoder().encode("data")

describe("memory with maxSessions", () => {
  const there = (memory: SessionProvider.Provider, ...ids: ReadonlyArray<number>) =>
    Effect.all(ids.map((n) => memory.exists(id(n))))

  const moved = (
    memory: SessionProvider.Provider,
    from: number,
    to: number,
    before: SessionProvider.Written | SessionProvider.Exists,
    signedIn?: boolean
  ) => {
    const revision = before._tag === "Written" ? before.revision : expect.fail("taken")
    const ttl = Duration.hours(1)
    return memory.regenerate({ oldId: id(from), newId: id(to), payload: bytes, ttl, revision, signedIn })
  }

  it.effect("evicts the least recently used, as if it had expired", () =>
    Effect.gen(function* () {
      const memory = Memory.make({ maxSessions: 3 })
      for (const n of [1, 2, 3]) {
        yield* memory.create(id(n), bytes, Duration.hours(1))
      }
      yield* memory.read(id(1))
      yield* memory.create(id(4), bytes, Duration.hours(1))
      expect(yield* there(memory, 1, 2, 3, 4)).toEqual([true, false, true, true])
      expect(yield* memory.count!).toBe(3)
    })
  )

  it.effect("what has expired makes room, and not what lives", () =>
    Effect.gen(function* () {
      const memory = Memory.make({ maxSessions: 4 })
      yield* memory.create(id(1), bytes, Duration.hours(1))
      // All of these expire in one second, of which only a part has passed.
      yield* memory.create(id(2), bytes, Duration.millis(900))
      yield* memory.create(id(3), bytes, Duration.millis(10))
      yield* memory.create(id(4), bytes, Duration.millis(10))
      yield* TestClock.adjust(10)
      yield* memory.create(id(5), bytes, Duration.hours(1))
      yield* memory.create(id(6), bytes, Duration.hours(1))
      expect(yield* there(memory, 1, 2, 5, 6)).toEqual([true, true, true, true])
      yield* TestClock.adjust(890)
      expect(yield* memory.count!).toBe(3)
    })
  )

  it.effect("any number of visitors come and go, and those who signed in stay", () =>
    Effect.gen(function* () {
      const memory = Memory.make({ maxSessions: 4 })
      yield* memory.create(id(1), bytes, Duration.hours(1), true)
      const visitor = yield* memory.create(id(2), bytes, Duration.hours(1))
      yield* moved(memory, 2, 3, visitor, true)
      for (let n = 10; n < 30; n++) {
        yield* memory.create(id(n), bytes, Duration.hours(1))
        yield* memory.read(id(n))
      }
      expect(yield* there(memory, 1, 3, 28, 29)).toEqual([true, true, true, true])
      expect(yield* memory.count!).toBe(4)
    })
  )

  it.effect("a new id alone keeps a visitor a visitor, and who signed in signed in", () =>
    Effect.gen(function* () {
      const memory = Memory.make({ maxSessions: 3 })
      const signedIn = yield* memory.create(id(1), bytes, Duration.hours(1), true)
      const visitor = yield* memory.create(id(2), bytes, Duration.hours(1))
      yield* moved(memory, 1, 3, signedIn)
      yield* moved(memory, 2, 4, visitor)
      for (const n of [5, 6, 7]) {
        yield* memory.create(id(n), bytes, Duration.hours(1))
      }
      expect(yield* there(memory, 3, 4, 6, 7)).toEqual([true, false, true, true])
    })
  )

  it.effect("people's records are not evicted, and evict nobody", () =>
    Effect.gen(function* () {
      const memory = Memory.make({ maxSessions: 2 })
      const records = memory.principals!
      yield* memory.create(id(1), bytes, Duration.hours(1))
      for (let n = 0; n < 20; n++) {
        yield* records.create(id(n), bytes, Duration.hours(1))
      }
      expect(yield* there(memory, 1)).toEqual([true])
      for (const n of [2, 3, 4]) {
        yield* memory.create(id(n), bytes, Duration.hours(1))
      }
      expect((yield* Effect.all(Array.from({ length: 20 }, (_, n) => records.read(id(n))))).every(Option.isSome)).toBe(
        true
      )
    })
  )

  it.effect("only if all have signed in, the one that was not used for the longest time goes", () =>
    Effect.gen(function* () {
      const memory = Memory.make({ maxSessions: 2 })
      yield* memory.create(id(1), bytes, Duration.hours(1), true)
      yield* memory.create(id(2), bytes, Duration.hours(1), true)
      yield* memory.touch(id(1), Duration.hours(1))
      // A visitor is let in all the same, and leaves first.
      yield* memory.create(id(3), bytes, Duration.hours(1))
      expect(yield* there(memory, 1, 2, 3)).toEqual([true, false, true])
      yield* memory.create(id(4), bytes, Duration.hours(1))
      expect(yield* there(memory, 1, 3, 4)).toEqual([true, false, true])
    })
  )

  it.live("who signed in without a session before it stays too, whatever number of visitors comes", () =>
    Effect.gen(function* () {
      const visit = (query: string) =>
        Effect.gen(function* () {
          const session = yield* AppSession
          if (query === "in") {
            yield* session.regenerate
            yield* session.set("userId", "ada")
          } else if (query === "visit") {
            yield* session.update("visits", (n) => n + 1)
          }
          return HttpServerResponse.text(Option.getOrElse(yield* session.get("userId"), () => "nobody"))
        })
      const app = SessionHttp.middleware(AppSession)(
        Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ url }) => visit(url.slice(1)))
      )
      const { as, send } = yield* serve(app, {}, Memory.make({ maxSessions: 5 }))
      const { cookie } = yield* send("/in")
      for (let i = 0; i < 20; i++) {
        yield* send("/visit")
      }
      expect((yield* as(cookie)("/me")).body).toBe("ada")
    })
  )
})

describe("memory when very many sessions expire at once", () => {
  it.effect("removes them without keeping everybody else waiting", () =>
    Effect.gen(function* () {
      const memory = Memory.make()
      const count = 300_000
      for (let n = 0; n < count; n++) {
        yield* memory.create(id(n), bytes, Duration.minutes(1))
      }
      yield* TestClock.adjust("1 minute")
      // Turns of the event loop, which a collection in one go leaves none for.
      let turns = 0
      let isOver = false
      const turn = () => {
        turns++
        if (!isOver) setImmediate(turn)
      }
      setImmediate(turn)
      expect(yield* memory.gc!).toBe(count)
      isOver = true
      expect(turns).toBeGreaterThan(3)
      expect(yield* memory.count!).toBe(0)
    })
  )

  it.effect("one that is begun anew meanwhile stays, and what was interrupted is collected later", () =>
    Effect.gen(function* () {
      const memory = Memory.make()
      for (let n = 0; n < 50_000; n++) {
        yield* memory.create(id(n), bytes, Duration.minutes(1))
      }
      yield* TestClock.adjust("1 minute")
      const collecting = yield* Effect.forkChild(memory.gc!)
      yield* Effect.yieldNow
      yield* memory.create(id(49_999), bytes, Duration.hours(1))
      yield* memory.create(id(0), bytes, Duration.hours(1))
      yield* Fiber.interrupt(collecting)
      expect(yield* Stream.runCollect(memory.list!)).toHaveLength(2)
      expect(yield* memory.count!).toBe(2)
      expect(yield* Effect.all([0, 1, 49_999].map((n) => memory.exists(id(n))))).toEqual([true, false, true])
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
