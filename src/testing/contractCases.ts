/**
 * Conformance: each operation by itself.
 */

import { strict as assert } from "node:assert"
import { errorOf } from "#dialect/result"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import * as Stream from "#effect/Stream"
import { SessionProvider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import { type CaseOf, compareAndSet, defineFor, limited, uniqueRevisions } from "./define.js"
import { assertGone, bytes, day, given, newId, successor, text, written } from "./support.js"

const allBytes = Uint8Array.from({ length: 256 }, (_, i) => i)

const declared = defineFor("as declared")
const whole = defineFor("sessions are kept whole")
const updates = defineFor("no lost updates")
const moves = defineFor("a change of id is one step")
const ended = defineFor("what ended stays ended")

export const contractCases: ReadonlyArray<CaseOf> = [
  declared(
    "has the capabilities and the optional operations that it is said to have, and they answer",
    (provider, _time, options) =>
      Effect.gen(function* () {
        const { changed, count, gc, list, marked, principals } = provider
        assert.deepEqual(provider.capabilities, options.capabilities)
        assert.deepEqual(
          {
            count: count !== undefined,
            list: list !== undefined,
            gc: gc !== undefined,
            marked: marked !== undefined,
            principals: principals !== undefined,
            changed: changed !== undefined
          },
          { changed: false, ...options.optional }
        )
        const { id } = yield* given(provider, "live")
        assert.ok(count === undefined || (yield* count) > 0, "count finds nothing")
        assert.ok(list === undefined || Option.isSome(yield* Stream.runHead(list)), "list finds nothing")
        assert.ok(gc === undefined || (yield* gc) >= 0)
        assert.ok(marked === undefined || Option.isNone(yield* marked(id)), "a live session is a mark")
      })
  ),

  whole("gives back what was stored, byte for byte", (provider) =>
    Effect.gen(function* () {
      const limit = provider.capabilities.maxPayload
      const payloads = [
        new Uint8Array(0),
        Uint8Array.of(0),
        allBytes,
        bytes("žluťoučký 🦄 \r\n\u0000"),
        new Uint8Array(64 * 1024).fill(0xff),
        new Uint8Array(Math.min(limit, 1024 * 1024)).map((_, i) => i % 251)
      ].filter((payload) => payload.length <= limit)
      for (const payload of payloads) {
        const id = newId()
        const created = written(yield* provider.create(id, payload, day))
        const first = Option.getOrThrow(yield* provider.read(id))
        assert.equal(Buffer.compare(first.payload, payload), 0, `created with ${payload.length} bytes`)
        assert.equal(first.revision, created.revision)
        written(yield* provider.write(id, bytes("between"), day, first.revision))
        const between = Option.getOrThrow(yield* provider.read(id))
        const again = written(yield* provider.write(id, payload, day, between.revision))
        const last = Option.getOrThrow(yield* provider.read(id))
        assert.equal(Buffer.compare(last.payload, payload), 0, `written with ${payload.length} bytes`)
        assert.equal(last.revision, again.revision)
        yield* provider.destroy(id)
      }
    })
  ),

  whole(
    "refuses a payload over its limit with TooLarge, and loses nothing",
    (provider) =>
      Effect.gen(function* () {
        const tooLarge = new Uint8Array(provider.capabilities.maxPayload + 1).fill(7)
        const { id, revision } = yield* given(provider, "small")
        const fresh = newId()
        const next = successor(provider, id)
        for (const attempt of [
          provider.create(fresh, tooLarge, day),
          provider.write(id, tooLarge, day, revision),
          provider.regenerate({ oldId: id, newId: next, payload: tooLarge, ttl: day, revision })
        ]) {
          const result = yield* Effect.result<unknown, SessionError, never>(attempt)
          assert.ok(Result.isFailure(result) && errorOf(result).reason === "TooLarge", "expected TooLarge")
        }
        assert.equal(text(yield* provider.read(id)), "small")
        assert.ok(Option.isNone(yield* provider.read(fresh)))
        assert.ok(Option.isNone(yield* provider.read(next)))
      }),
    { needs: [limited] }
  ),

  whole("does not hand out, or keep, bytes that the caller can change", (provider) =>
    Effect.gen(function* () {
      const id = newId()
      const payload = bytes("mine")
      const { revision } = written(yield* provider.create(id, payload, day))
      payload.fill(0)
      const first = Option.getOrThrow(yield* provider.read(id))
      first.payload.fill(0)
      assert.equal(text(yield* provider.read(id)), "mine")
      const next = bytes("next")
      written(yield* provider.write(id, next, day, revision))
      next.fill(0)
      assert.equal(text(yield* provider.read(id)), "next")
    })
  ),

  ended("knows nothing of an id that was never created", (provider) =>
    Effect.gen(function* () {
      const { revision } = yield* given(provider, "another")
      const id = newId()
      yield* assertGone(provider, id, revision)
      yield* provider.destroy(id)
    })
  ),

  whole("create never overwrites a live session", (provider) =>
    Effect.gen(function* () {
      const { id, revision } = yield* given(provider, "first")
      assert.equal((yield* provider.create(id, bytes("second"), day))._tag, "Exists")
      const stored = Option.getOrThrow(yield* provider.read(id))
      assert.equal(text(Option.some(stored)), "first")
      assert.equal(stored.revision, revision)
    })
  ),

  updates(
    "write takes effect at the current revision only, and tells a conflict",
    (provider) =>
      Effect.gen(function* () {
        const { id, revision } = yield* given(provider, "1")
        const second = written(yield* provider.write(id, bytes("2"), day, revision))
        assert.notEqual(second.revision, revision)
        const late = yield* provider.write(id, bytes("late"), day, revision)
        assert.equal(late._tag, "Conflict")
        if (late._tag === "Conflict" && late.current !== undefined) {
          assert.equal(text(Option.some(late.current)), "2")
          assert.equal(late.current.revision, second.revision)
        }
        assert.equal(text(yield* provider.read(id)), "2")
        written(yield* provider.write(id, bytes("3"), day, second.revision))
        assert.equal(text(yield* provider.read(id)), "3")
      }),
    { needs: [compareAndSet] }
  ),

  updates(
    "writing the same payload again is a new revision",
    (provider) =>
      Effect.gen(function* () {
        const { id, revision } = yield* given(provider, "same")
        const second = written(yield* provider.write(id, bytes("same"), day, revision))
        assert.notEqual(second.revision, revision)
        assert.equal((yield* provider.write(id, bytes("late"), day, revision))._tag, "Conflict")
      }),
    { needs: [uniqueRevisions] }
  ),

  updates(
    "a revision does not come back when an id is created again",
    (provider) =>
      Effect.gen(function* () {
        const { id, revision } = yield* given(provider, "first life")
        yield* provider.destroy(id)
        const again = written(yield* provider.create(id, bytes("second life"), day))
        assert.notEqual(again.revision, revision)
        assert.equal((yield* provider.write(id, bytes("late"), day, revision))._tag, "Conflict")
        assert.equal(text(yield* provider.read(id)), "second life")
      }),
    { needs: [compareAndSet] }
  ),

  whole("touch keeps the payload, and each revision that was current", (provider) =>
    Effect.gen(function* () {
      for (const from of ["created", "read before", "read after"]) {
        const created = yield* given(provider, "kept")
        const before = Option.getOrThrow(yield* provider.read(created.id))
        assert.equal((yield* provider.touch(created.id, day))._tag, "Touched")
        const after = Option.getOrThrow(yield* provider.read(created.id))
        assert.equal(text(Option.some(after)), "kept")
        const { revision } = from === "created" ? created : from === "read before" ? before : after
        written(yield* provider.write(created.id, bytes("next"), day, revision))
      }
    })
  ),

  whole("exists tells, and does not change, what is there", (provider) =>
    Effect.gen(function* () {
      const { id, revision } = yield* given(provider, "there")
      assert.equal(yield* provider.exists(id), true)
      assert.equal(Option.getOrThrow(yield* provider.read(id)).revision, revision)
    })
  ),

  ended("what was destroyed stays destroyed", (provider) =>
    Effect.gen(function* () {
      const { id, revision } = yield* given(provider, "ended")
      yield* provider.destroy(id)
      yield* assertGone(provider, id, revision)
      yield* provider.destroy(id)
      yield* assertGone(provider, id, revision)
    })
  ),

  ended(
    "a mark leaves no session at its id, and is neither counted nor listed, where it is not kept either",
    (provider) =>
      Effect.gen(function* () {
        const { count = Effect.succeed(0), list = Stream.empty } = provider
        const mark = { content: bytes("mark"), ttl: day }
        const before = yield* count
        const { id, revision } = yield* given(provider, "before")
        const next = successor(provider, id)
        const moved = written(
          yield* provider.regenerate({ oldId: id, newId: next, payload: bytes("after"), ttl: day, revision, mark })
        )
        assert.equal(text(yield* provider.read(next)), "after")
        yield* provider.destroy(next, mark)
        yield* assertGone(provider, id, revision)
        yield* assertGone(provider, next, moved.revision)
        assert.equal(yield* count, before)
        const listed = Array.from(yield* Stream.runCollect(list))
        assert.ok(!listed.includes(id) && !listed.includes(next), "a session that ended is listed")
      }),
    { exclusive: true }
  ),

  moves("regenerate moves the session: the old id is dead, the new one has the payload", (provider) =>
    Effect.gen(function* () {
      const { id, revision } = yield* given(provider, "before")
      const next = successor(provider, id)
      const moved = written(
        yield* provider.regenerate({ oldId: id, newId: next, payload: bytes("after"), ttl: day, revision })
      )
      yield* assertGone(provider, id, revision)
      const stored = Option.getOrThrow(yield* provider.read(next))
      assert.equal(text(Option.some(stored)), "after")
      written(yield* provider.write(next, bytes("later"), day, moved.revision))
    })
  ),

  moves(
    "regenerate at an old revision is a conflict and moves nothing",
    (provider) =>
      Effect.gen(function* () {
        const { id, revision } = yield* given(provider, "1")
        const second = written(yield* provider.write(id, bytes("2"), day, revision))
        const next = successor(provider, id)
        assert.equal(
          (yield* provider.regenerate({ oldId: id, newId: next, payload: bytes("late"), ttl: day, revision }))._tag,
          "Conflict"
        )
        assert.ok(Option.isNone(yield* provider.read(next)))
        const stored = Option.getOrThrow(yield* provider.read(id))
        assert.equal(text(Option.some(stored)), "2")
        assert.equal(stored.revision, second.revision)
      }),
    { needs: [compareAndSet] }
  ),

  whole(
    "sessions survive the backend's closing and reopening where it is durable, else are gone",
    (provider, _time, options) =>
      Effect.gen(function* () {
        const id = yield* Effect.flatMap(SessionProvider, (first) => given(first, "kept")).pipe(
          Effect.map((session) => session.id),
          Effect.provide(Layer.fresh(options.layer))
        )
        const again = yield* Effect.flatMap(SessionProvider, (second) => second.read(id)).pipe(
          Effect.provide(Layer.fresh(options.layer))
        )
        assert.equal(text(again), provider.capabilities.durable ? "kept" : undefined)
      })
  )
]
