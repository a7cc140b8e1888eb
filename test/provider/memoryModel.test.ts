/**
 * The memory provider against a model of it: a list in the order of use.
 */
import type { SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as FastCheck from "fast-check"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import { withTestClock } from "#test/clock"
import { describe, expect, it } from "#test/vitest"
import { bytes } from "../../src/testing/support.js"
import { soak } from "../support/soak.js"

interface Kept {
  readonly id: number
  readonly high: boolean
  readonly payload: string
  readonly expiresAt: number
  readonly revision: string
}

const id = (n: number) => `${n}`.padStart(43, "0") as SessionProvider.StoredId

/** The sessions, the one that was used last at the end, and the marks by age. */
class Model {
  now = 0
  sessions: Array<Kept> = []
  marks: Array<{ readonly id: number; readonly expiresAt: number }> = []

  constructor(private readonly limit: number) {}

  get(n: number): Kept | undefined {
    return this.sessions.find(({ expiresAt, id }) => id === n && expiresAt > this.now)
  }
  isMarked(n: number): boolean {
    return this.marks.some(({ expiresAt, id }) => id === n && expiresAt > this.now)
  }
  remove(n: number): void {
    this.sessions = this.sessions.filter(({ id }) => id !== n)
  }
  use(kept: Kept): void {
    this.remove(kept.id)
    this.sessions.push(kept)
  }
  put(kept: Kept): void {
    this.remove(kept.id)
    if (this.sessions.length >= this.limit) {
      this.sessions = this.sessions.filter(({ expiresAt }) => expiresAt > this.now)
    }
    if (this.sessions.length >= this.limit) {
      const last = this.sessions.find(({ high }) => !high) ?? this.sessions[0]!
      this.remove(last.id)
    }
    this.sessions.push(kept)
  }
  mark(n: number, ttl: number): void {
    this.marks = this.marks.filter(({ id }) => id !== n)
    if (this.marks.length >= this.limit) {
      this.marks = this.marks.filter(({ expiresAt }) => expiresAt > this.now)
    }
    if (this.marks.length >= this.limit) {
      this.marks.shift()
    }
    this.marks.push({ id: n, expiresAt: this.now + ttl })
  }
}

const ids = 8
const anId = FastCheck.nat(ids - 1)
/** Within a second, and around its ends. */
const aTtl = FastCheck.constantFrom(1, 2, 500, 999, 1000, 1001, 1999, 2000, 5000)

const step = FastCheck.oneof(
  FastCheck.record({ does: FastCheck.constant("create" as const), n: anId, ttl: aTtl, high: FastCheck.boolean() }),
  FastCheck.record({ does: FastCheck.constantFrom("write" as const, "touch" as const), n: anId, ttl: aTtl }),
  FastCheck.record({ does: FastCheck.constant("read" as const), n: anId }),
  FastCheck.record({ does: FastCheck.constant("destroy" as const), n: anId, ttl: aTtl, marks: FastCheck.boolean() }),
  FastCheck.record({
    does: FastCheck.constant("regenerate" as const),
    n: anId,
    to: anId,
    ttl: aTtl,
    marks: FastCheck.boolean(),
    high: FastCheck.boolean()
  }),
  FastCheck.record({ does: FastCheck.constant("gc" as const) }),
  FastCheck.record({ does: FastCheck.constant("wait" as const), millis: FastCheck.nat(2500) })
)

describe("memory and its model", () => {
  it("hold the same after any steps", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.integer({ min: 1, max: 5 }),
        FastCheck.array(step, { maxLength: 60 }),
        (limit, steps) =>
          Effect.runPromise(
            withTestClock(
              Effect.gen(function* () {
                const memory = Memory.make({ maxSessions: limit })
                const model = new Model(limit)
                let writes = 0
                const next = (
                  kept: Omit<Kept, "revision" | "payload" | "expiresAt">,
                  ttl: number,
                  made: object
                ): Kept => ({
                  ...kept,
                  payload: `${writes}`,
                  expiresAt: model.now + ttl,
                  revision: (made as SessionProvider.Written).revision
                })
                for (const one of steps) {
                  const payload = bytes(`${++writes}`)
                  const ttl = Duration.millis("ttl" in one ? one.ttl : 0)
                  const mark = "marks" in one && one.marks ? { content: bytes("m"), ttl } : undefined
                  const kept = "n" in one ? model.get(one.n) : undefined
                  const revision = kept?.revision as SessionProvider.Revision
                  switch (one.does) {
                    case "create": {
                      const made = yield* memory.create(id(one.n), payload, ttl, one.high)
                      const isTaken = kept !== undefined || model.isMarked(one.n)
                      expect(made._tag).toBe(isTaken ? "Exists" : "Written")
                      if (!isTaken) model.put(next({ id: one.n, high: one.high }, one.ttl, made))
                      break
                    }
                    case "write": {
                      const made = yield* memory.write(id(one.n), payload, ttl, revision)
                      expect(made._tag).toBe(kept === undefined ? "Gone" : "Written")
                      if (kept !== undefined) model.use(next(kept, one.ttl, made))
                      break
                    }
                    case "touch": {
                      const made = yield* memory.touch(id(one.n), ttl)
                      expect(made._tag).toBe(kept === undefined ? "Gone" : "Touched")
                      if (kept !== undefined) model.use({ ...kept, expiresAt: model.now + one.ttl })
                      break
                    }
                    case "read": {
                      const found = yield* memory.read(id(one.n))
                      expect(
                        Option.getOrUndefined(Option.map(found, ({ payload }) => Buffer.from(payload).toString()))
                      ).toBe(kept?.payload)
                      if (kept !== undefined) model.use(kept)
                      break
                    }
                    case "destroy": {
                      yield* memory.destroy(id(one.n), mark)
                      if (kept !== undefined) {
                        model.remove(one.n)
                        if (one.marks) model.mark(one.n, one.ttl)
                      }
                      break
                    }
                    case "regenerate": {
                      // A successor's id is new.
                      if (model.get(one.to) !== undefined || model.isMarked(one.to)) break
                      const made = yield* memory.regenerate({
                        oldId: id(one.n),
                        newId: id(one.to),
                        payload,
                        ttl,
                        revision,
                        mark,
                        signedIn: one.high
                      })
                      expect(made._tag).toBe(kept === undefined ? "Gone" : "Written")
                      if (kept !== undefined) {
                        model.remove(one.n)
                        if (one.marks) model.mark(one.n, one.ttl)
                        model.put(next({ id: one.to, high: kept.high || one.high }, one.ttl, made))
                      }
                      break
                    }
                    case "gc": {
                      yield* memory.gc!
                      model.sessions = model.sessions.filter(({ expiresAt }) => expiresAt > model.now)
                      break
                    }
                    case "wait": {
                      yield* TestClock.adjust(one.millis)
                      model.now += one.millis
                      break
                    }
                  }
                  const live = model.sessions.filter(({ expiresAt }) => expiresAt > model.now)
                  const listed = yield* Stream.runCollect(memory.list!)
                  expect([...listed].sort()).toEqual(live.map(({ id: n }) => id(n)).sort())
                  for (let n = 0; n < ids; n++) {
                    expect(Option.isSome(yield* memory.marked!(id(n)))).toBe(model.isMarked(n))
                  }
                }
                const live = model.sessions.filter(({ expiresAt }) => expiresAt > model.now)
                expect(yield* memory.count!).toBe(live.length)
              })
            )
          )
      ),
      { numRuns: soak(300, 3_000) }
    ))
})
