/**
 * How LedisDB runs scripts.
 */
import type { Redis } from "ioredis"
import { pipelined, scriptLoader } from "../redis/ioredis.js"
import type { Link } from "../redis/link.js"
import type * as Scripted from "../redis/scripted.js"
import { isNoRecord, revisions } from "../redis/scripts.js"
import { makeWindow } from "./window.js"

/**
 * The end of a script, which passes on the result of `run()`. A script must not return anything: LedisDB leaves the
 * result on the stack of its one Lua state, which is full after some 5,000 calls, and then it runs no script any more.
 * Therefore the result goes through a key of its own.
 */
export const answer = `
local answer = run()
if type(answer) == 'number' then answer = string.format('#%.0f', answer) end
if answer then call('SETEX', KEYS[#KEYS], '10', answer) end`

/** In bytes. A client that sends more before it has a reply waits for seconds. */
const receiveBuffer = 4096

/**
 * The largest number of bytes of a call besides its arguments: three commands with their keys, and the name of a
 * script.
 */
const overhead = 400

/** Runs calls without overwhelming the server. */
interface Runner extends Pick<Scripted.Client, "run"> {
  /** Makes a call that only reads. */
  readonly ask: <A>(call: () => Promise<A>) => Promise<A>
}

/**
 * Makes a runner of scripts that end with {@link answer}. Their results are kept for a moment in keys under `answer:`
 * and the prefix.
 */
export const makeRunner = ({ call, client: redis }: Link<Redis>, prefix: string): Runner => {
  const loaded = scriptLoader()
  const window = makeWindow(receiveBuffer)
  const nextCall = revisions()
  return {
    ask: (run) => window(overhead, () => call(run, true)),
    run: (script, keys, args) =>
      window(
        args.reduce<number>((size, arg) => size + (typeof arg === "number" ? 0 : arg.length), overhead),
        () => {
          const answer = `answer:${prefix}${nextCall()}`
          return call(
            () =>
              loaded(script, (command, text) =>
                pipelined(redis, [
                  [command, text, keys.length + 1, ...keys, answer, ...args],
                  ["get", answer],
                  ["del", answer]
                ])
              ),
            script.repeatable,
            ([, reply]) => isNoRecord(toReply(reply as Buffer | null))
          ).then(([, reply]) => toReply(reply as Buffer | null))
        }
      )
  }
}

/** A number is marked with `#`, with which a record never begins: it begins with a revision. */
const toReply = (answer: Buffer | null): Buffer | number | null =>
  answer?.[0] === 35 ? Number(answer.toString("latin1", 1)) : answer
