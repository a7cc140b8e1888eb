/**
 * Reads that would wait for one another, made as one: while enough of them are under way, the next ones wait, and leave together.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"

/** How many reads are under way at once. It leaves connections for writes, as a pool has 10 by default. */
const atOnce = 4

/** How many leave together at most. */
export const mostTogether = 64

interface Waiting<K, A, E> {
  readonly key: K
  readonly resume: (result: Effect.Effect<A, E>) => void
  /** Calls the reads off that it left with, once all of them have been given up. */
  giveUp: () => void
}

/** `many` answers in the order of its keys. */
export const together = <K, A, E>(
  one: (key: K) => Effect.Effect<A, E>,
  many: (keys: ReadonlyArray<K>) => Effect.Effect<ReadonlyArray<A>, E>
): ((key: K) => Effect.Effect<A, E>) => {
  let underWay = 0
  const queue = new Set<Waiting<K, A, E>>()

  const leave = () => {
    const leaving = [...queue].slice(0, mostTogether)
    for (const waiting of leaving) {
      queue.delete(waiting)
    }
    underWay++
    const fiber = Effect.runFork(many(leaving.map(({ key }) => key)))
    let wanted = leaving.length
    const giveUp = () => {
      if (--wanted === 0) {
        fiber.unsafeInterruptAsFork(FiberId.none)
      }
    }
    for (const waiting of leaving) {
      waiting.giveUp = giveUp
    }
    fiber.addObserver((exit) => {
      arrived()
      for (const [i, { resume }] of leaving.entries()) {
        resume(Exit.map(exit, (found) => found[i]!))
      }
    })
  }

  const arrived = () => {
    underWay--
    if (queue.size > 0) {
      leave()
    }
  }

  const arrives = Effect.sync(arrived)

  return (key) =>
    Effect.suspend(() => {
      if (underWay < atOnce) {
        underWay++
        return Effect.ensuring(one(key), arrives)
      }
      return Effect.async((resume) => {
        const waiting: Waiting<K, A, E> = { key, resume, giveUp: () => queue.delete(waiting) }
        queue.add(waiting)
        return Effect.sync(() => waiting.giveUp())
      })
    })
}
