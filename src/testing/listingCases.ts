/**
 * Conformance: counting, listing and removing sessions.
 */
import { strict as assert } from "node:assert"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import type { Provider, StoredId } from "../Provider/Provider.js"
import { type CaseOf, defineFor, has } from "./define.js"
import { bytes, day, given, successor, text, written } from "./support.js"
import { margin, type Time } from "./time.js"

const define = defineFor("counted, listed and collected")

export const listingCases: ReadonlyArray<CaseOf> = [
  define(
    "count is the number of live sessions",
    (provider) =>
      Effect.gen(function* () {
        const count = provider.count!
        const before = yield* count
        const sessions = yield* Effect.all(Array.from({ length: 7 }, () => given(provider, "counted")))
        assert.equal(yield* count, before + 7)
        yield* provider.destroy(sessions[0]!.id)
        const { id, revision } = sessions[1]!
        written(
          yield* provider.regenerate({
            oldId: id,
            newId: successor(provider, id),
            payload: bytes("moved"),
            ttl: day,
            revision
          })
        )
        assert.equal(yield* count, before + 6)
      }),
    { needs: [has("count")], exclusive: true }
  ),

  define(
    "ids are those of the live sessions",
    (provider) =>
      Effect.gen(function* () {
        const sessions = yield* Effect.all(Array.from({ length: 7 }, () => given(provider, "listed")))
        yield* provider.destroy(sessions[0]!.id)
        const listed = Array.from(yield* Stream.runCollect(provider.list!))
        assert.equal(new Set(listed).size, listed.length, "an id is listed twice")
        assert.equal(listed.includes(sessions[0]!.id), false, "a destroyed session is listed")
        for (const { id } of sessions.slice(1)) {
          assert.ok(listed.includes(id), "a live session is not listed")
        }
      }),
    { needs: [has("list")] }
  ),

  define(
    "ids leave out what has expired, and nothing else",
    (provider, time) =>
      Effect.gen(function* () {
        const stays = yield* given(provider, "stays")
        const goes = yield* given(provider, "goes", time.seconds(1))
        const listed = Effect.map(Stream.runCollect(provider.list!), (ids) =>
          Array.from(ids).filter((id) => id === stays.id || id === goes.id)
        )
        yield* time.pass(1 - margin)
        assert.equal((yield* listed).length, 2, "a live session is not listed")
        yield* time.passOver(margin)
        assert.deepEqual(yield* listed, [stays.id])
      }),
    { needs: [has("list")] }
  ),

  define(
    "count leaves out what has expired, and nothing else",
    (provider, time) =>
      Effect.gen(function* () {
        const before = yield* provider.count!
        yield* given(provider, "stays")
        yield* given(provider, "goes", time.seconds(1))
        yield* time.pass(1 - margin)
        assert.equal(yield* provider.count!, before + 2)
        yield* time.passOver(margin)
        assert.equal(yield* provider.count!, before + 1)
      }),
    { needs: [has("count")], exclusive: true }
  ),

  define(
    "gc removes what has expired, tells how many, and nothing else",
    (provider, time, { collectsAfter = 0, pass }) =>
      Effect.gen(function* () {
        yield* provider.gc!
        const live = yield* Effect.all(Array.from({ length: 5 }, () => given(provider, "stays", "60 days")))
        const ended = yield* Effect.all(Array.from({ length: 11 }, () => given(provider, "goes", time.seconds(1))))
        yield* Effect.gen(function* () {
          yield* time.pass(1 - margin)
          assert.equal(yield* provider.gc!, 0)
          yield* time.passOver(margin)
          yield* pass(collectsAfter)
          assert.equal(yield* provider.gc!, 11)
          assert.equal(yield* provider.gc!, 0)
          for (const { id } of live) {
            assert.equal(text(yield* provider.read(id)), "stays")
          }
        }).pipe(Effect.ensuring(removed(provider, ended)))
      }),
    { needs: [has("gc")], exclusive: true }
  ),

  define(
    "marks are not counted",
    (provider, time) =>
      Effect.gen(function* () {
        const before = yield* provider.count!
        yield* leaveMarks(provider, time)
        assert.equal(yield* provider.count!, before)
      }),
    { needs: [has("count"), has("marked")], exclusive: true }
  ),

  define(
    "marks are not listed",
    (provider, time) =>
      Effect.gen(function* () {
        const marked = yield* leaveMarks(provider, time)
        const listed = Array.from(yield* Stream.runCollect(provider.list!))
        assert.deepEqual(
          listed.filter((id) => marked.includes(id)),
          []
        )
      }),
    { needs: [has("list"), has("marked")] }
  ),

  define(
    "marks are not told as collected",
    (provider, time, { collectsAfter = 0, pass }) =>
      Effect.gen(function* () {
        yield* provider.gc!
        const ended = yield* given(provider, "expires", time.seconds(1))
        yield* Effect.gen(function* () {
          yield* leaveMarks(provider, time)
          yield* pass(collectsAfter)
          assert.equal(yield* provider.gc!, 1)
        }).pipe(Effect.ensuring(removed(provider, [ended])))
      }),
    { needs: [has("gc"), has("marked")], exclusive: true }
  )
]

/** Removes what a case that runs again must not find. */
const removed = (provider: Provider, sessions: ReadonlyArray<{ readonly id: StoredId }>) =>
  Effect.ignore(Effect.forEach(sessions, ({ id }) => provider.destroy(id), { discard: true }))

/** Leaves marks at six ids, of which three expire. */
const leaveMarks = (provider: Provider, time: Time) =>
  Effect.gen(function* () {
    const ids = (yield* Effect.all(Array.from({ length: 6 }, () => given(provider, "before")))).map(({ id }) => id)
    for (const [i, id] of ids.entries()) {
      yield* provider.destroy(id, { content: bytes("left"), ttl: i < 3 ? day : time.seconds(1) })
    }
    yield* time.passOver(1)
    for (const id of ids.slice(0, 3)) {
      assert.ok(Option.isSome(yield* provider.marked!(id)), "a mark is lost")
    }
    return ids
  })
