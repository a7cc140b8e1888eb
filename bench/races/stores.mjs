// Stores that take their time, as a database does: a call takes effect when its wait is over. For the rivals a Map of JSON copies,
// for effect-session the same waits before each call of its memory provider.
import { setTimeout as sleep } from "node:timers/promises"
import * as Effect from "effect/Effect"
import { Store } from "express-session"
import * as Memory from "../../dist/src/memory.js"

/** A store for express-session, which @fastify/session takes as well. */
export class SlowStore extends Store {
  sessions = new Map()

  constructor({ read, write }) {
    super()
    const after =
      (wait, f) =>
      async (...args) => {
        const done = args.pop()
        await sleep(wait)
        done(null, f(...args))
      }
    this.get = after(read, (id) => JSON.parse(this.sessions.get(id) ?? "null"))
    this.set = after(write, (id, session) => {
      this.sessions.set(id, JSON.stringify(session))
    })
    // As connect-redis does: it renews what is there, and the lifetime does not matter here.
    this.touch = after(write, () => {})
    this.destroy = after(write, (id) => {
      this.sessions.delete(id)
    })
  }
}

/** effect-session's memory provider behind the same waits. */
export const slowProvider = ({ read, write }) => {
  const memory = Memory.make()
  const after =
    (wait, f) =>
    (...args) =>
      Effect.zipRight(Effect.sleep(wait), f(...args))
  return {
    ...memory,
    capabilities: { ...memory.capabilities, inProcess: false },
    read: after(read, memory.read),
    exists: after(read, memory.exists),
    create: after(write, memory.create),
    write: after(write, memory.write),
    touch: after(write, memory.touch),
    destroy: after(write, memory.destroy),
    regenerate: after(write, memory.regenerate)
  }
}
