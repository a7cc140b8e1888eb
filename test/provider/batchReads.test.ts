// Reads that are batched: each gets its own answer, or the error; and nothing is held up by who was interrupted.
import { SessionError } from "effect-session"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import { expect, it } from "#test/vitest"
import { batchReads } from "../../src/Provider/sql/batchReads.js"

const lost = new SessionError({ reason: "Unavailable", message: "the server went away" })

/** Four reads that do not end, so that those that come now are queued. */
const busy = <A>(read: (key: number) => Effect.Effect<A, SessionError>) =>
  Effect.forEach([0, 0, 0, 0], () => Effect.forkChild(read(0)))

it.live("what is queued is flushed when a read has settled, 64 at most, each with its own answer", () =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<number, SessionError>()
    const batches: Array<number> = []
    const read = batchReads<number, number, SessionError>(
      (key) => (key === 0 ? Deferred.await(gate) : Effect.succeed(key)),
      (keys) => {
        batches.push(keys.length)
        return Effect.delay(Effect.succeed(keys.map((key) => key * 2)), "1 millis")
      }
    )
    const first = yield* busy(read)
    yield* Effect.sleep("5 millis")
    const waiting = yield* Effect.forkChild(
      Effect.all(
        Array.from({ length: 100 }, (_, i) => read(i + 1)),
        { concurrency: "unbounded" }
      )
    )
    yield* Effect.sleep("5 millis")
    expect(batches).toEqual([])
    yield* Deferred.succeed(gate, 0)
    expect(yield* Fiber.join(waiting)).toEqual(Array.from({ length: 100 }, (_, i) => (i + 1) * 2))
    expect(batches).toEqual([64, 36])
    yield* Effect.forEach(first, Fiber.join)
    expect(yield* read(7)).toBe(7)
  })
)

it.live("where a batch fails, each of its reads fails, and the next ones are made again", () =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<number, SessionError>()
    const read = batchReads<number, number, SessionError>(
      (key) => (key === 0 ? Deferred.await(gate) : Effect.succeed(key)),
      () => Effect.fail(lost)
    )
    yield* busy(read)
    yield* Effect.sleep("5 millis")
    const waiting = yield* Effect.forkChild(
      Effect.all([Effect.flip(read(1)), Effect.flip(read(2))], { concurrency: 2 })
    )
    yield* Effect.sleep("5 millis")
    yield* Deferred.fail(gate, lost)
    expect(yield* Fiber.join(waiting)).toEqual([lost, lost])
    expect(yield* read(7)).toBe(7)
  })
)

it.live("a batch that nobody awaits any more is interrupted, and holds nobody up", () =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<number, SessionError>()
    let interrupted = 0
    const read = batchReads<number, number, SessionError>(
      (key) => (key === 0 ? Deferred.await(gate) : Effect.succeed(key)),
      () =>
        Effect.onInterrupt(Effect.never, () =>
          Effect.sync(() => {
            interrupted++
          })
        )
    )
    yield* busy(read)
    yield* Effect.sleep("5 millis")
    const waiting = yield* Effect.forEach([1, 2, 3], (key) => Effect.forkChild(read(key)))
    yield* Effect.sleep("5 millis")
    // One is interrupted in the queue, and two while the batch is in flight.
    yield* Fiber.interrupt(waiting[0]!)
    yield* Deferred.succeed(gate, 0)
    yield* Effect.sleep("5 millis")
    yield* Fiber.interrupt(waiting[1]!)
    expect(interrupted).toBe(0)
    yield* Fiber.interrupt(waiting[2]!)
    yield* Effect.sleep("5 millis")
    expect(interrupted).toBe(1)
    expect(yield* Effect.all([read(7), read(8), read(9), read(10)], { concurrency: 4 })).toEqual([7, 8, 9, 10])
  })
)
