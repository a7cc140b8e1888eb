/**
 * Taking turns: one at a time, in order, and no turn is lost to an interruption.
 */
import * as FastCheck from "fast-check"
import * as Deferred from "#effect/Deferred"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import { describe, expect, it } from "#test/vitest"

import { Line, patience as patienceOf, Turns } from "../../src/Manager/Turns.js"

const patience = patienceOf("memory", Duration.seconds(5))

describe("Line", () => {
  it.live("lets one in at a time, first come, first served", () =>
    Effect.gen(function* () {
      const line = new Line(patience)
      const order: Array<number> = []
      let inside = 0
      yield* Effect.all(
        Array.from({ length: 50 }, (_, i) =>
          line.take(
            Effect.gen(function* () {
              expect(++inside).toBe(1)
              yield* Effect.sleep(1)
              order.push(i)
              inside--
            })
          )
        ),
        { concurrency: "unbounded" }
      )
      expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i))
      expect(line.idle).toBe(true)
    })
  )

  it.live("a failing turn ends like any other", () =>
    Effect.gen(function* () {
      const line = new Line(patience)
      yield* Effect.exit(line.take(Effect.fail("no")))
      yield* Effect.exit(line.take(Effect.die("no")))
      expect(yield* line.take(Effect.succeed("next"))).toBe("next")
    })
  )

  it.live("interrupting whom it may leaves the line working", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.array(FastCheck.tuple(FastCheck.nat(3), FastCheck.boolean()), { maxLength: 12 }),
          (plan) =>
            Effect.runPromise(
              Effect.gen(function* () {
                const line = new Line(patience)
                const fibers = yield* Effect.forEach(plan, ([millis]) =>
                  Effect.forkChild(line.take(Effect.sleep(millis)))
                )
                yield* Effect.sleep(1)
                yield* Effect.forEach(plan, ([, interrupted], i) =>
                  interrupted ? Fiber.interrupt(fibers[i]!) : Effect.void
                )
                yield* Effect.forEach(fibers, (fiber) => Fiber.await(fiber))
                expect(yield* line.take(Effect.succeed("free"))).toBe("free")
              })
            )
        ),
        { numRuns: 40 }
      )
    )
  )
})

describe("Line, where one does not end", () => {
  it.live("who waits for too long gives up, and those after go on when it has ended", () =>
    Effect.gen(function* () {
      const line = new Line(patienceOf("memory", Duration.millis(40)))
      const end = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(line.take(Deferred.await(end)))
      yield* Effect.yieldNow
      const tired = yield* Effect.flip(line.take(Effect.succeed("its turn")))
      expect(tired.reason).toBe("Unavailable")
      const patient = yield* Effect.forkChild(line.take(Effect.succeed("its turn")))
      yield* Effect.yieldNow
      yield* Deferred.succeed(end, undefined)
      yield* Fiber.join(first)
      expect(yield* Fiber.join(patient)).toBe("its turn")
      expect(line.idle).toBe(true)
    })
  )
})

describe("Turns", () => {
  it.live("hands on what the one before left, a key at a time, and keeps nothing", () =>
    Effect.gen(function* () {
      const turns = new Turns<number>(patience)
      const add = (key: string) =>
        turns.take(key, (turn) =>
          Effect.gen(function* () {
            const before = turn.latest ?? 0
            yield* Effect.yieldNow
            turn.latest = before + 1
            return turn.latest
          })
        )
      const [a, b] = yield* Effect.all(
        [
          Effect.all(
            Array.from({ length: 20 }, () => add("a")),
            { concurrency: "unbounded" }
          ),
          Effect.all(
            Array.from({ length: 10 }, () => add("b")),
            { concurrency: "unbounded" }
          )
        ],
        { concurrency: "unbounded" }
      )
      expect([Math.max(...a), Math.max(...b)]).toEqual([20, 10])
      // A line that is over hands nothing on.
      expect(yield* add("a")).toBe(1)
    })
  )
})
