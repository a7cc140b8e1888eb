/**
 * Makes one change at a time to each session in SSDB, with a lock in the server: SSDB has no other compare-and-set.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Redis } from "ioredis"
import { Failure, stayedLocked } from "../../internal/failure.js"
import { type Command, pipelined } from "../redis/ioredis.js"
import type { Link } from "../redis/link.js"
import { revisions } from "../redis/scripts.js"

/** The result of an operation, and its changes. */
export interface Decision<A> {
  readonly answer: A
  /** The commands that make the change, one after the other. Each is sent only when those before it have succeeded. */
  readonly changes: ReadonlyArray<Command>
}

const nextHolder = revisions()

/**
 * Runs `look`, and then the changes that `decide` chooses, while it holds the lock. If there is nothing to change, it
 * needs no lock. If the connection is lost and `repeatable`, it does so once more: `decide` then has to tell its own
 * changes, if they were made, and `tells` whether its answer then is sure.
 *
 * A lock has no lifetime while its holder is at work, since SSDB cannot set a key and its lifetime in one step. A
 * process that finds a lock taken gives it one, so that the lock of a dead holder lapses. A holder that was held up
 * makes no more changes.
 */
export const locked = <A>(
  { call, client }: Link<Redis>,
  timeoutMillis: number,
  lock: string,
  look: ReadonlyArray<Command>,
  decide: (replies: ReadonlyArray<unknown>) => Decision<A>,
  repeatable: boolean,
  tells?: (answer: A) => boolean
): Promise<A> => {
  const holder = nextHolder()
  const attempt = async (): Promise<A> => {
    const giveUpAt = performance.now() + 2 * timeoutMillis
    for (;;) {
      const asked = performance.now()
      const [taken, found, lapsesIn, ...replies] = await pipelined(client, [
        ["setnx", lock, holder],
        ["get", lock],
        ["ttl", lock],
        ...look
      ])
      const { answer, changes } = decide(replies)
      // A lock that it took before the connection was lost is its own still, unless that is about to lapse.
      if (taken === 1 || (String(found) === holder && lapsesIn === -1)) {
        for (const [index, change] of changes.entries()) {
          if (performance.now() > asked + timeoutMillis / 2) {
            throw new Failure("held up while it had the lock", "try again")
          }
          await pipelined(client, index === changes.length - 1 ? [change, ["del", lock]] : [change])
        }
        if (changes.length === 0) {
          await pipelined(client, [["del", lock]])
        }
        return answer
      }
      if (changes.length === 0) {
        return answer
      }
      if (performance.now() > giveUpAt) {
        throw stayedLocked()
      }
      if (lapsesIn === -1) {
        await pipelined(client, [["expire", lock, Math.ceil(timeoutMillis / 1000)]])
      }
      await sleep(Math.random() * 8)
    }
  }
  return call(attempt, repeatable, tells)
}
