/**
 * Conformance: the records of people.
 */
import { strict as assert } from "node:assert"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { type Provider, type Records, SessionProvider, type Stored, type StoredId } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import { type CaseOf, defineFor, has, type Kind, uniqueRevisions } from "./define.js"
import { all, bytes, day, given, newId, successor, text, turn, written } from "./support.js"
import { margin, type Time } from "./time.js"

type OfPeople = Records<SessionError>

const promised = defineFor("people's records are kept apart")

/** Defines a case in terms of the records, for providers that have them. */
const define = (
  name: string,
  test: (records: OfPeople, time: Time, provider: Provider) => Effect.Effect<unknown, unknown>,
  { exclusive = false, needs = [] }: Kind = {}
): CaseOf =>
  promised(name, (provider, time) => test(provider.principals!, time, provider), {
    exclusive,
    needs: [has("principals"), ...needs]
  })

/** Stores a record with this text. */
const kept = (records: OfPeople, payload: string, ttl: Duration.Input = day) =>
  Effect.suspend(() => {
    const id = newId()
    return Effect.map(records.create(id, bytes(payload), Duration.fromInputUnsafe(ttl)), (result) => ({
      ...written(result),
      id
    }))
  })

const textAt = (records: Pick<OfPeople, "read">, id: StoredId) => Effect.map(records.read(id), text)

const current = (records: OfPeople, id: StoredId) => Effect.map(records.read(id), Option.getOrThrow)

const assertSame = (stored: Stored, payload: Uint8Array) =>
  assert.equal(Buffer.compare(stored.payload, payload), 0, `of ${payload.length} bytes`)

/** Adds one by compare-and-set, and tries again after each conflict. */
const increment = (records: OfPeople, id: StoredId): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    let stored = yield* current(records, id)
    for (;;) {
      yield* turn
      const next = bytes(String(Number(text(Option.some(stored))) + 1))
      const result = yield* records.write(id, next, day, stored.revision)
      if (result._tag === "Written") {
        return
      }
      assert.ok(result._tag === "Conflict")
      stored = result.current ?? (yield* current(records, id))
    }
  })

/** The positions of those that were stored. */
const winners = (results: ReadonlyArray<{ readonly _tag: string }>) =>
  results.flatMap(({ _tag }, i) => (_tag === "Written" ? [i] : []))

export const recordCases: ReadonlyArray<CaseOf> = [
  define("a record is given back byte for byte, as it was created and as it was written", (records) =>
    Effect.gen(function* () {
      const payloads = [0, 1, 256, 64 * 1024].map((length) => new Uint8Array(length).map((_, i) => i))
      for (const payload of payloads) {
        const id = newId()
        const mine = Uint8Array.from(payload)
        const created = written(yield* records.create(id, mine, day))
        mine.fill(7)
        const first = yield* current(records, id)
        assertSame(first, payload)
        assert.equal(first.revision, created.revision)
        first.payload.fill(7)
        assertSame(yield* current(records, id), payload)
        const between = written(yield* records.write(id, bytes("between"), day, first.revision))
        assert.equal(yield* textAt(records, id), "between")
        const again = written(yield* records.write(id, payload, day, between.revision))
        const last = yield* current(records, id)
        assertSame(last, payload)
        assert.equal(last.revision, again.revision)
      }
    })
  ),

  define("there is no record before it is created, and creating it again overwrites nothing", (records) =>
    Effect.gen(function* () {
      const id = newId()
      assert.equal(yield* textAt(records, id), undefined)
      yield* records.destroy(id)
      const { revision } = written(yield* records.create(id, bytes("first"), day))
      assert.equal((yield* records.create(id, bytes("second"), day))._tag, "Exists")
      assert.equal(yield* textAt(records, id), "first")
      written(yield* records.write(id, bytes("third"), day, revision))
    })
  ),

  define("a record is written at its revision only", (records) =>
    Effect.gen(function* () {
      const { id, revision } = yield* kept(records, "1")
      const second = written(yield* records.write(id, bytes("2"), day, revision))
      const late = yield* records.write(id, bytes("late"), day, revision)
      assert.ok(late._tag === "Conflict")
      if (late.current !== undefined) {
        assertSame(late.current, bytes("2"))
        assert.equal(late.current.revision, second.revision)
      }
      assert.equal(yield* textAt(records, id), "2")
      assert.equal((yield* records.write(newId(), bytes("none"), day, revision))._tag, "Gone")
      written(yield* records.write(id, bytes("3"), day, second.revision))
    })
  ),

  define("a record that was destroyed is gone, and is not brought back", (records) =>
    Effect.gen(function* () {
      const { id, revision } = yield* kept(records, "before")
      yield* records.destroy(id)
      assert.equal(yield* textAt(records, id), undefined)
      assert.equal((yield* records.write(id, bytes("revived"), day, revision))._tag, "Gone")
      yield* records.destroy(id)
      assert.equal(yield* textAt(records, id), undefined)
    })
  ),

  define(
    "a record's revisions are not used again after it was destroyed",
    (records) =>
      Effect.gen(function* () {
        const { id, revision } = yield* kept(records, "1")
        const second = written(yield* records.write(id, bytes("2"), day, revision))
        yield* records.destroy(id)
        written(yield* records.create(id, bytes("1"), day))
        for (const old of [revision, second.revision]) {
          assert.equal((yield* records.write(id, bytes("late"), day, old))._tag, "Conflict")
        }
        assert.equal(yield* textAt(records, id), "1")
      }),
    { needs: [uniqueRevisions] }
  ),

  define("of 8 creates of one record at once, one wins", (records) =>
    Effect.gen(function* () {
      const id = newId()
      const results = yield* all(Array.from({ length: 8 }, (_, i) => records.create(id, bytes(`${i}`), day)))
      assert.equal(winners(results).length, 1)
      assert.equal(yield* textAt(records, id), `${winners(results)[0]}`)
    })
  ),

  define("of 8 writes of one record at one revision at once, one wins", (records) =>
    Effect.gen(function* () {
      const { id, revision } = yield* kept(records, "before")
      const results = yield* all(Array.from({ length: 8 }, (_, i) => records.write(id, bytes(`${i}`), day, revision)))
      assert.equal(winners(results).length, 1)
      assert.equal(yield* textAt(records, id), `${winners(results)[0]}`)
    })
  ),

  define(
    "40 compare-and-set increments of one record at once count 40",
    (records) =>
      Effect.gen(function* () {
        const { id } = yield* kept(records, "0")
        yield* all(Array.from({ length: 40 }, () => increment(records, id)))
        assert.equal(yield* textAt(records, id), "40")
      }),
    { exclusive: true }
  ),

  define("a record that is destroyed while it is written is gone", (records) =>
    Effect.gen(function* () {
      for (let round = 0; round < 10; round++) {
        const { id, revision } = yield* kept(records, "before")
        yield* all<unknown, unknown>([
          records.write(id, bytes("1"), day, revision),
          records.destroy(id),
          records.write(id, bytes("2"), day, revision)
        ])
        assert.equal(yield* textAt(records, id), undefined)
      }
    })
  ),

  define("a record lives until its lifetime is over, and from then on is gone", (records, time) =>
    Effect.gen(function* () {
      const { id, revision } = yield* kept(records, "short", time.seconds(2))
      yield* time.pass(2 - margin)
      assert.equal(yield* textAt(records, id), "short")
      assert.equal((yield* records.create(id, bytes("early"), day))._tag, "Exists")
      yield* time.passOver(margin)
      assert.equal(yield* textAt(records, id), undefined)
      assert.equal((yield* records.write(id, bytes("revived"), day, revision))._tag, "Gone")
      assert.equal(yield* textAt(records, id), undefined)
      written(yield* records.create(id, bytes("new"), day))
      assert.equal(yield* textAt(records, id), "new")
    })
  ),

  define("a write gives a record a new lifetime, longer or shorter", (records, time) =>
    Effect.gen(function* () {
      const longer = yield* kept(records, "1", time.seconds(1))
      const shorter = yield* kept(records, "1", day)
      written(yield* records.write(longer.id, bytes("2"), day, longer.revision))
      written(yield* records.write(shorter.id, bytes("2"), time.seconds(1), shorter.revision))
      yield* time.pass(1 - margin)
      assert.equal(yield* textAt(records, shorter.id), "2")
      yield* time.passOver(margin)
      assert.equal(yield* textAt(records, longer.id), "2")
      assert.equal(yield* textAt(records, shorter.id), undefined)
    })
  ),

  define("a session and a record under the same id do not touch each other", (records, _time, provider) =>
    Effect.gen(function* () {
      const session = yield* given(provider, "session")
      const { id } = session
      assert.equal(yield* textAt(records, id), undefined)
      const record = written(yield* records.create(id, bytes("record"), day))
      assert.equal(yield* textAt(provider, id), "session")
      const { revision } = written(yield* provider.write(id, bytes("session 2"), day, session.revision))
      assert.equal((yield* provider.touch(id, day))._tag, "Touched")
      assert.equal(yield* textAt(records, id), "record")
      const second = written(yield* records.write(id, bytes("record 2"), day, record.revision))
      assert.equal(yield* textAt(provider, id), "session 2")
      const oldId = id
      const next = successor(provider, id)
      const mark = { content: bytes("moved"), ttl: day }
      written(yield* provider.regenerate({ oldId, newId: next, payload: bytes("session 3"), ttl: day, revision, mark }))
      assert.equal(yield* textAt(records, id), "record 2")
      assert.equal(yield* textAt(records, next), undefined)
      assert.equal(yield* provider.exists(id), false)
      written(yield* records.write(id, bytes("record 3"), day, second.revision))
      written(yield* records.create(next, bytes("another"), day))
      yield* records.destroy(next)
      assert.equal(yield* textAt(provider, next), "session 3")
      written(yield* records.create(next, bytes("another"), day))
      yield* provider.destroy(next, mark)
      assert.equal(yield* textAt(records, next), "another")
      yield* records.destroy(id)
      written(yield* records.create(id, bytes("record 4"), day))
      assert.equal(yield* provider.exists(id), false)
      if (provider.marked !== undefined) {
        for (const left of [id, next]) {
          const content: Option.Option<Uint8Array> = yield* provider.marked(left)
          assert.equal(Option.isSome(content) && Buffer.from(content.value).toString(), "moved")
        }
      }
    })
  ),

  define(
    "records are not counted",
    (records, _time, provider) =>
      Effect.gen(function* () {
        const before = yield* provider.count!
        yield* kept(records, "not counted")
        assert.equal(yield* provider.count!, before)
      }),
    { needs: [has("count")], exclusive: true }
  ),

  define(
    "records are not listed",
    (records, _time, provider) =>
      Effect.gen(function* () {
        const { id } = yield* kept(records, "not listed")
        assert.ok(!Array.from(yield* Stream.runCollect(provider.list!)).includes(id))
      }),
    { needs: [has("list")] }
  ),

  promised(
    "gc does not count the records that it removes, and keeps those that live",
    (provider, time, { collectsAfter = 0, pass }) =>
      Effect.gen(function* () {
        const records = provider.principals!
        yield* provider.gc!
        const session = yield* given(provider, "expires", time.seconds(1))
        yield* Effect.gen(function* () {
          const live = yield* kept(records, "live", "60 days")
          yield* all(Array.from({ length: 3 }, () => kept(records, "expires", time.seconds(1))))
          yield* time.passOver(1)
          yield* pass(collectsAfter)
          assert.equal(yield* provider.gc!, 1)
          assert.equal(yield* textAt(records, live.id), "live")
          // What a case that runs again must not find.
        }).pipe(Effect.ensuring(Effect.ignore(provider.destroy(session.id))))
      }),
    { needs: [has("principals"), has("gc")], exclusive: true }
  ),

  promised(
    "records survive the backend's closing and reopening if it is durable, else are gone",
    (provider, _time, { layer }) =>
      Effect.gen(function* () {
        const opened = <A>(use: (records: OfPeople) => Effect.Effect<A, SessionError>) =>
          Effect.provide(
            Effect.flatMap(SessionProvider, ({ principals }) => use(principals!)),
            Layer.fresh(layer)
          )
        const { id } = yield* opened((records) => kept(records, "kept"))
        const again = yield* opened((records) => textAt(records, id))
        assert.equal(again, provider.capabilities.durable ? "kept" : undefined)
      }),
    { needs: [has("principals")] }
  )
]
