/**
 * Combines reads that would wait for one another into one statement: while enough of them are in flight, new ones are
 * queued, and each statement that settles sends the queue as one.
 */
import { interrupt } from "#dialect/runtime"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"

/** The largest number of statements in flight. It leaves connections for writes, since a pool has 10 by default. */
const maxInFlight = 4

/** The largest number of reads in one statement. */
export const maxBatch = 64

interface Queued<K, A, E> {
  readonly key: K
  readonly resume: (result: Effect.Effect<A, E>) => void
  /** Called when the read's fiber is interrupted: it leaves the queue or, later, the batch. */
  cancel: () => void
}

/** @param many Returns its results in the order of its keys. */
export const batchReads = <K, A, E>(
  one: (key: K) => Effect.Effect<A, E>,
  many: (keys: ReadonlyArray<K>) => Effect.Effect<ReadonlyArray<A>, E>
): ((key: K) => Effect.Effect<A, E>) => {
  let inFlight = 0
  const queue = new Set<Queued<K, A, E>>()

  const flush = () => {
    const batch = [...queue].slice(0, maxBatch)
    inFlight++
    const fiber = Effect.runFork(many(batch.map(({ key }) => key)))
    let awaiting = batch.length
    const cancel = () => {
      if (--awaiting === 0) {
        interrupt(fiber)
      }
    }
    for (const queued of batch) {
      queue.delete(queued)
      queued.cancel = cancel
    }
    fiber.addObserver((exit) => {
      settled()
      for (const [i, { resume }] of batch.entries()) {
        resume(Exit.map(exit, (found) => found[i]!))
      }
    })
  }

  const settled = () => {
    inFlight--
    if (queue.size > 0) {
      flush()
    }
  }

  const settles = Effect.sync(settled)

  return (key) =>
    Effect.suspend(() => {
      if (inFlight < maxInFlight) {
        inFlight++
        return Effect.ensuring(one(key), settles)
      }
      return Effect.callback((resume) => {
        const queued: Queued<K, A, E> = { key, resume, cancel: () => queue.delete(queued) }
        queue.add(queued)
        return Effect.sync(() => queued.cancel())
      })
    })
}
