/**
 * Conformance: concurrent operations.
 */
import { strict as assert } from "node:assert"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type { Provider, StoredId } from "../Provider/Provider.js"
import { type CaseOf, compareAndSet, defineFor } from "./define.js"
import { all, assertGone, bytes, day, given, newId, successor, text, turn, written } from "./support.js"

const times = <A>(n: number, f: (i: number) => A): ReadonlyArray<A> => Array.from({ length: n }, (_, i) => f(i))

/** Adds one with compare-and-set, and tries again after each conflict. */
const increment = (provider: Provider, id: StoredId): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    let stored = Option.getOrThrow(yield* provider.read(id))
    for (;;) {
      const next = bytes(String(Number(text(Option.some(stored))) + 1))
      yield* turn
      const result = yield* provider.write(id, next, day, stored.revision)
      if (result._tag === "Written") {
        return
      }
      assert.equal(result._tag, "Conflict")
      stored =
        result._tag === "Conflict" && result.current !== undefined
          ? result.current
          : Option.getOrThrow(yield* provider.read(id))
    }
  })

const whole = defineFor("sessions are kept whole")
const updates = defineFor("no lost updates")
const moves = defineFor("a change of id is one step")
const ended = defineFor("what ended stays ended")

export const concurrencyCases: ReadonlyArray<CaseOf> = [
  whole(
    "keeps 200 sessions apart that are created, written and read at once",
    (provider) =>
      Effect.gen(function* () {
        const ids = times(200, () => newId())
        yield* all(
          ids.map((id, i) =>
            Effect.gen(function* () {
              const { revision } = written(yield* provider.create(id, bytes(`created ${i}`), day))
              written(yield* provider.write(id, bytes(`written ${i}`), day, revision))
            })
          )
        )
        const read = yield* all(ids.map((id) => provider.read(id)))
        assert.deepEqual(
          read.map(text),
          times(200, (i) => `written ${i}`)
        )
      }),
    { exclusive: true }
  ),

  whole("of 16 creates of one id at once, one wins", (provider) =>
    Effect.gen(function* () {
      const id = newId()
      const results = yield* all(times(16, (i) => provider.create(id, bytes(String(i)), day)))
      const winners = results.flatMap((result, i) => (result._tag === "Written" ? [i] : []))
      assert.equal(winners.length, 1)
      assert.equal(text(yield* provider.read(id)), String(winners[0]))
    })
  ),

  updates(
    "of 16 writes at one revision at once, one wins",
    (provider) =>
      Effect.gen(function* () {
        const { id, revision } = yield* given(provider, "before")
        const results = yield* all(times(16, (i) => provider.write(id, bytes(String(i)), day, revision)))
        const winners = results.flatMap((result, i) => (result._tag === "Written" ? [i] : []))
        assert.equal(winners.length, 1)
        assert.equal(text(yield* provider.read(id)), String(winners[0]))
      }),
    { needs: [compareAndSet] }
  ),

  updates(
    "64 compare-and-set increments at once count 64",
    (provider) =>
      Effect.gen(function* () {
        const { id } = yield* given(provider, "0")
        yield* all(times(64, () => increment(provider, id)))
        assert.equal(text(yield* provider.read(id)), "64")
      }),
    { needs: [compareAndSet], exclusive: true }
  ),

  ended("destroy wins against writes and touches at the same time", (provider) =>
    Effect.gen(function* () {
      for (let round = 0; round < 20; round++) {
        const { id, revision } = yield* given(provider, "0")
        yield* all([
          provider.write(id, bytes("1"), day, revision),
          provider.touch(id, day),
          provider.destroy(id),
          provider.write(id, bytes("2"), day, revision),
          provider.touch(id, day)
        ])
        yield* assertGone(provider, id, revision)
      }
    })
  ),

  moves(
    "of 8 regenerates of one session at once, one wins: there is one successor (R7)",
    (provider) =>
      Effect.gen(function* () {
        const { id, revision } = yield* given(provider, "0")
        const ids = times(8, () => successor(provider, id))
        const results = yield* all(
          ids.map((next, i) =>
            provider.regenerate({ oldId: id, newId: next, payload: bytes(String(i)), ttl: day, revision })
          )
        )
        const winners = results.flatMap((result, i) => (result._tag === "Written" ? [i] : []))
        assert.equal(winners.length, 1)
        const read = yield* all(ids.map((next) => provider.read(next)))
        assert.deepEqual(
          read.map(text),
          ids.map((_, i) => (i === winners[0] ? String(i) : undefined))
        )
        yield* assertGone(provider, id, revision)
      }),
    { needs: [compareAndSet] }
  ),

  moves("readers during regenerate see the whole old session or none, and then only the new one (R6)", (provider) =>
    Effect.gen(function* () {
      for (let round = 0; round < 10; round++) {
        const { id, revision } = yield* given(provider, "before")
        const next = successor(provider, id)
        const readers = times(16, () =>
          Effect.map(provider.read(id), (stored) => {
            assert.ok(["before", undefined].includes(text(stored)), "a reader saw something else")
          })
        )
        const [result] = yield* Effect.all(
          [provider.regenerate({ oldId: id, newId: next, payload: bytes("after"), ttl: day, revision }), all(readers)],
          { concurrency: "unbounded" }
        )
        written(result)
        assert.equal(text(yield* provider.read(next)), "after")
        yield* assertGone(provider, id, revision)
      }
    })
  ),

  moves(
    "a write and a regenerate at one revision: one wins, nothing is torn",
    (provider) =>
      Effect.gen(function* () {
        for (let round = 0; round < 20; round++) {
          const { id, revision } = yield* given(provider, "0")
          const next = successor(provider, id)
          const [write, regenerate] = yield* Effect.all(
            [
              provider.write(id, bytes("written"), day, revision),
              provider.regenerate({ oldId: id, newId: next, payload: bytes("moved"), ttl: day, revision })
            ],
            { concurrency: "unbounded" }
          )
          if (write._tag === "Written") {
            assert.equal(regenerate._tag, "Conflict")
            assert.equal(text(yield* provider.read(id)), "written")
            assert.ok(Option.isNone(yield* provider.read(next)))
          } else {
            assert.equal(regenerate._tag, "Written")
            assert.equal(text(yield* provider.read(next)), "moved")
            yield* assertGone(provider, id, revision)
          }
        }
      }),
    { needs: [compareAndSet] }
  )
]
