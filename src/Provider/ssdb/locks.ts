/**
 * One change at a time for each session in SSDB, by a lock in the server: it has nothing else that compares and sets.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Redis } from "ioredis"
import { type Command, pipelined } from "../redis/ioredis.js"

/** What follows from what was found. */
export interface Decision<A> {
  readonly answer: A
  /** What to change, one after the other; a command is sent only when those before it have succeeded. */
  readonly changes: ReadonlyArray<Command>
}

/**
 * `look` is answered while the lock is held, and so is what `decide` makes of it carried out; nothing to change needs no lock.
 *
 * A lock has no lifetime while its holder is at work: SSDB cannot set a key and its lifetime in one step. Whoever finds a lock taken
 * gives it one, so that the lock of a dead holder lapses. A holder that was held up itself changes nothing any more.
 */
export const locked = async <A>(
  redis: Redis,
  timeoutMillis: number,
  lock: string,
  look: ReadonlyArray<Command>,
  decide: (replies: ReadonlyArray<unknown>) => Decision<A>
): Promise<A> => {
  const giveUpAt = performance.now() + 2 * timeoutMillis
  for (;;) {
    const asked = performance.now()
    const [taken, lapsesIn, ...replies] = await pipelined(redis, [["setnx", lock, "1"], ["ttl", lock], ...look])
    const { answer, changes } = decide(replies)
    if (taken === 1) {
      for (const [index, change] of changes.entries()) {
        if (performance.now() > asked + timeoutMillis / 2) {
          throw new Error("LATE")
        }
        await pipelined(redis, index === changes.length - 1 ? [change, ["del", lock]] : [change])
      }
      if (changes.length === 0) {
        await pipelined(redis, [["del", lock]])
      }
      return answer
    }
    if (changes.length === 0) {
      return answer
    }
    if (performance.now() > giveUpAt) {
      throw new Error("LOCKED")
    }
    if (lapsesIn === -1) {
      await pipelined(redis, [["expire", lock, Math.ceil(timeoutMillis / 1000)]])
    }
    await sleep(Math.random() * 8)
  }
}
