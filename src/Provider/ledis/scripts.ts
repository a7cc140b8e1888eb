/**
 * How scripts are run in LedisDB.
 */
import type { Redis } from "ioredis"
import { pipelined, scriptLoader } from "../redis/ioredis.js"
import type * as Scripted from "../redis/scripted.js"
import { revisions } from "../redis/scripts.js"
import { makeWindow } from "./window.js"

/**
 * The end of a script, which tells what `run()` gives. A script must not return anything: LedisDB leaves what it returns on the stack of
 * its one Lua state, which is full after some 5,000 calls, and then no script runs any more. So the answer goes through a key of its own.
 */
export const answer = `
local answer = run()
if type(answer) == 'number' then answer = string.format('#%.0f', answer) end
if answer then call('SETEX', KEYS[#KEYS], '10', answer) end`

/** In bytes. A client that sends more before it has an answer waits for seconds. */
const receiveBuffer = 4096

/** The bytes of a call besides its arguments, at most: three commands with their keys, and the name of a script. */
const overhead = 400

/** Calls that do not overwhelm the server. */
interface Runner extends Pick<Scripted.Client, "run"> {
  /** Makes a call that asks, and changes nothing. */
  readonly ask: <A>(call: () => Promise<A>) => Promise<A>
}

/** What executes scripts that end with {@link answer}, whose answers are kept in keys under `answer:` and the prefix for the moment. */
export const makeRunner = (redis: Redis, prefix: string): Runner => {
  const loaded = scriptLoader()
  const window = makeWindow(receiveBuffer)
  const nextCall = revisions()
  return {
    ask: (call) => window(overhead, call),
    run: (script, keys, args) =>
      window(
        args.reduce<number>((size, arg) => size + (typeof arg === "number" ? 0 : arg.length), overhead),
        () => {
          const answer = `answer:${prefix}${nextCall()}`
          return loaded(script, (command, text) =>
            pipelined(redis, [
              [command, text, keys.length + 1, ...keys, answer, ...args],
              ["get", answer],
              ["del", answer]
            ])
          ).then(([, reply]) => toReply(reply as Buffer | null))
        }
      )
  }
}

/** A number is marked: a record, which begins with a revision, never begins so. */
const toReply = (answer: Buffer | null): Buffer | number | null =>
  answer?.[0] === 35 ? Number(answer.toString("latin1", 1)) : answer
