/**
 * The pool of connections to a database, on connections that are made up: nothing is leaked, and nobody waits for ever.
 */
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Fiber from "#effect/Fiber"
import { describe, expect, it } from "#test/vitest"
import { patient } from "../../src/Provider/sql/connection.js"
import { type Line, Lines, type Send } from "../../src/Provider/sql/lines.js"
import * as OnLines from "../../src/Provider/sql/onLines.js"

const one = { rows: [], affected: 1 }

const answers: Send = (_text, _params, done) => setImmediate(() => done(undefined, one))

const lineOf = (send: Send = answers): Line => ({
  send,
  sendOnce: send,
  cancel: () => {},
  end: () => {},
  cut: () => {}
})

const pool = (size: number, connect: () => Promise<Line>) =>
  Effect.acquireRelease(
    Effect.sync(() => new Lines(size, () => ({ line: connect(), cut: () => {} }))),
    (lines) => Effect.sync(() => lines.close())
  )

describe("the pool of a database", () => {
  it.live("nobody waits for a connection of a pool that was closed", () =>
    Effect.gen(function* () {
      let silent = false
      const lines = yield* pool(1, async () => lineOf((...args) => (silent ? undefined : answers(...args))))
      yield* OnLines.run(lines, false)("SELECT 1", [])
      silent = true
      // The connection was idle for so long that it is asked first.
      yield* Effect.sleep("1100 millis")
      const reading = yield* Effect.forkChild(OnLines.run(lines, false)("SELECT 1", []))
      yield* Effect.sleep("100 millis")
      lines.close()
      expect(Exit.isFailure(yield* Effect.timeout(Fiber.await(reading), "3 seconds"))).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.live("a connection that is lent to someone who goes in the same moment comes back", () =>
    Effect.gen(function* () {
      let connected: (line: Line) => void = () => {}
      let isFirst = true
      const lines = yield* pool(1, () =>
        isFirst ? new Promise((resolve) => (connected = resolve)) : Promise.resolve(lineOf())
      )
      const lent = yield* Effect.forkChild(OnLines.reserve(lines, ({ run }) => run("SELECT 1", [])))
      yield* Effect.sleep("10 millis")
      isFirst = false
      yield* Effect.sync(() => {
        connected(lineOf())
        queueMicrotask(() => Effect.runFork(Fiber.interrupt(lent)))
      })
      yield* Fiber.await(lent)
      yield* Effect.timeout(OnLines.run(lines, true)("UPDATE", []), "1 seconds")
    }).pipe(Effect.scoped)
  )

  it.effect("a statement that was sent again tells why, in words", () =>
    Effect.gen(function* () {
      let isFirst = true
      const run = patient(() =>
        Effect.suspend(() => {
          const lost = isFirst ? Effect.fail(new Error("Connection terminated unexpectedly")) : Effect.succeed(one)
          isFirst = false
          return lost
        })
      )
      expect(yield* run("UPDATE", [])).toMatchObject({ affected: 1, repeated: { words: "the connection was lost" } })
    })
  )

  it.live("writes that meet a server that was the primary are all made at the new one", () =>
    Effect.gen(function* () {
      let isOld = true
      const readOnly = Object.assign(new Error("cannot execute UPDATE in a read-only transaction"), { code: "25006" })
      const lines = yield* pool(10, async () => {
        const refuses = isOld
        return lineOf((_text, _params, done) =>
          setTimeout(() => (refuses ? done(readOnly, undefined) : done(undefined, one)), 20)
        )
      })
      const write = patient(OnLines.run(lines, true), (...args) => lines.renew(...args))
      const writing = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 5 }, () => Effect.exit(write("UPDATE", []))),
          { concurrency: 5 }
        )
      )
      yield* Effect.sleep("10 millis")
      isOld = false
      expect((yield* Fiber.join(writing)).map(Exit.isSuccess)).toEqual(Array(5).fill(true))
    }).pipe(Effect.scoped)
  )
})
