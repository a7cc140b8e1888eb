/**
 * Conformance: the marks that sessions leave at their ids.
 */
import { strict as assert } from "node:assert"
import * as Deferred from "#effect/Deferred"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { type Mark, type Provider, SessionProvider, type StoredId } from "../Provider/Provider.js"
import { type CaseOf, compareAndSet, defineFor, has } from "./define.js"
import { all, assertGone, bytes, day, given, successor, text, turn, written } from "./support.js"
import { margin } from "./time.js"

type Given = Effect.Success<ReturnType<typeof given>>

const define = defineFor("marks stay where sessions ended")

const marked = { needs: [has("marked")] }

const markOf = (content: string, ttl: Duration.Input = day): Mark => ({
  content: bytes(content),
  ttl: Duration.fromInputUnsafe(ttl)
})

/** The mark at this id, as text. */
const markAt = (provider: Provider, id: StoredId) =>
  Effect.map(provider.marked!(id), (mark) =>
    Option.isNone(mark) ? undefined : Buffer.from(mark.value).toString("latin1")
  )

/** Asserts that the id has this mark and no session, for any operation. */
const assertMarked = (provider: Provider, { id, revision }: Given, mark: string) =>
  Effect.gen(function* () {
    yield* assertGone(provider, id, revision)
    assert.equal(yield* markAt(provider, id), mark)
  })

const contents: ReadonlyArray<Uint8Array> = [
  new Uint8Array(0),
  Uint8Array.of(0),
  Uint8Array.from({ length: 256 }, (_, i) => i),
  new Uint8Array(512).fill(0xff),
  bytes(`${"0".repeat(20)}${"9".repeat(16)}`)
]

/** Moves a session, and leaves the mark. */
const move = (provider: Provider, { id, revision }: Given, mark?: Mark) => {
  const next = successor(provider, id)
  return Effect.map(
    provider.regenerate({ oldId: id, newId: next, payload: bytes("moved"), ttl: day, revision, mark }),
    (result) => ({ next, result })
  )
}

/** The operations with which a session can end and leave a mark. */
const endings: Record<string, (provider: Provider, session: Given, mark: Mark) => Effect.Effect<unknown, unknown>> = {
  destroy: (provider, { id }, mark) => provider.destroy(id, mark),
  regenerate: (provider, session, mark) => Effect.map(move(provider, session, mark), ({ result }) => written(result))
}

export const markCases: ReadonlyArray<CaseOf> = [
  ...Object.entries(endings).flatMap(([name, end]) => [
    define(
      `${name} leaves a mark, byte for byte, and no session`,
      (provider) =>
        Effect.gen(function* () {
          for (const content of contents) {
            const session = yield* given(provider, "before")
            const mark = { content: Uint8Array.from(content), ttl: day }
            yield* end(provider, session, mark)
            mark.content.fill(7)
            yield* assertMarked(provider, session, Buffer.from(content).toString("latin1"))
            const again = Option.getOrThrow(yield* provider.marked!(session.id))
            again.fill(7)
            assert.equal(yield* markAt(provider, session.id), Buffer.from(content).toString("latin1"))
          }
        }),
      marked
    ),

    define(
      `a mark that ${name} left expires, and its id is free again`,
      (provider, time) =>
        Effect.gen(function* () {
          const session = yield* given(provider, "before")
          yield* end(provider, session, markOf("short", time.seconds(2)))
          yield* time.pass(2 - margin)
          assert.equal(yield* markAt(provider, session.id), "short")
          yield* time.passOver(margin)
          assert.equal(yield* markAt(provider, session.id), undefined)
          yield* assertGone(provider, session.id, session.revision)
          const { revision } = written(yield* provider.create(session.id, bytes("new"), day))
          assert.equal(text(yield* provider.read(session.id)), "new")
          assert.equal(yield* markAt(provider, session.id), undefined)
          yield* end(provider, { ...session, revision }, markOf("second"))
          assert.equal(yield* markAt(provider, session.id), "second")
        }),
      marked
    ),

    define(
      `while 50 sessions end by ${name}, there is a session or its mark at each look`,
      (provider) =>
        Effect.gen(function* () {
          yield* Effect.all(
            Array.from({ length: 50 }, (_, i) =>
              watched(provider, `${i}`, (session, mark) => end(provider, session, mark))
            ),
            { concurrency: 10 }
          )
        }),
      { ...marked, exclusive: true }
    )
  ]),

  define(
    "an id without a mark has none, and without being given one nothing leaves any",
    (provider) =>
      Effect.gen(function* () {
        const [live, ended, moved] = yield* Effect.all([1, 2, 3].map(() => given(provider, "live")))
        yield* provider.destroy(ended!.id)
        const { next } = yield* move(provider, moved!)
        for (const id of [live!.id, ended!.id, moved!.id, next, successor(provider, live!.id)]) {
          assert.equal(yield* markAt(provider, id), undefined)
        }
      }),
    marked
  ),

  define(
    "ending what is not there leaves nothing",
    (provider, time) =>
      Effect.gen(function* () {
        const never = successor(provider, (yield* given(provider, "another")).id)
        const expired = yield* given(provider, "expired", time.seconds(1))
        yield* time.passOver(1)
        for (const id of [never, expired.id]) {
          yield* provider.destroy(id, markOf("of nothing"))
          assert.equal((yield* move(provider, { ...expired, id }, markOf("of nothing"))).result._tag, "Gone")
          assert.equal(yield* markAt(provider, id), undefined)
          written(yield* provider.create(id, bytes("free"), day))
        }
      }),
    marked
  ),

  define(
    "a mark stays as it is: nothing ends, moves, renews or overwrites it",
    (provider, time) =>
      Effect.gen(function* () {
        const session = yield* given(provider, "before")
        yield* provider.destroy(session.id, markOf("first", time.seconds(2)))
        yield* provider.destroy(session.id, markOf("second"))
        yield* provider.destroy(session.id)
        assert.equal((yield* move(provider, session, markOf("third"))).result._tag, "Gone")
        assert.equal((yield* provider.create(session.id, bytes("new"), day))._tag, "Exists")
        yield* assertMarked(provider, session, "first")
        yield* time.pass(2 - margin)
        assert.equal(yield* markAt(provider, session.id), "first")
        yield* time.passOver(margin)
        assert.equal(yield* markAt(provider, session.id), undefined)
      }),
    marked
  ),

  define(
    "a regenerate that comes to nothing leaves no mark",
    (provider) =>
      Effect.gen(function* () {
        const { id, revision } = yield* given(provider, "1")
        const second = written(yield* provider.write(id, bytes("2"), day, revision))
        const { next, result } = yield* move(provider, { id, revision, expiresAt: 0 }, markOf("late"))
        assert.equal(result._tag, "Conflict")
        assert.equal(yield* markAt(provider, next), undefined)
        assert.equal(yield* markAt(provider, id), undefined)
        assert.equal(text(yield* provider.read(id)), "2")
        written(yield* provider.write(id, bytes("3"), day, second.revision))
        yield* provider.destroy(id)
        assert.equal(yield* markAt(provider, id), undefined)
      }),
    { needs: [has("marked"), compareAndSet] }
  ),

  define(
    "of 8 changes at once that leave a mark, the one that ends the session leaves its own",
    (provider) =>
      Effect.gen(function* () {
        for (let round = 0; round < 5; round++) {
          const session = yield* given(provider, "before")
          const results = yield* all(Array.from({ length: 8 }, (_, i) => move(provider, session, markOf(`${i}`))))
          const winners = results.flatMap(({ result }, i) => (result._tag === "Written" ? [`${i}`] : []))
          assert.equal(winners.length, 1)
          yield* assertMarked(provider, session, winners[0]!)
        }
      }),
    { needs: [has("marked"), compareAndSet] }
  ),

  define(
    "marks survive the backend's closing and reopening if it is durable, else are gone",
    (provider, _time, options) =>
      Effect.gen(function* () {
        const id = yield* Effect.flatMap(SessionProvider, (first) =>
          Effect.tap(given(first, "before"), ({ id }) => first.destroy(id, markOf("kept")))
        ).pipe(
          Effect.map((session) => session.id),
          Effect.provide(Layer.fresh(options.layer))
        )
        const again = yield* Effect.flatMap(SessionProvider, (second) => markAt(second, id)).pipe(
          Effect.provide(Layer.fresh(options.layer))
        )
        assert.equal(again, provider.capabilities.durable ? "kept" : undefined)
      }),
    marked
  )
]

/** Ends a session while two readers look at its id: each must find the session or, from then on, its mark. */
const watched = (
  provider: Provider,
  content: string,
  end: (session: Given, mark: Mark) => Effect.Effect<unknown, unknown>
) =>
  Effect.gen(function* () {
    const session = yield* given(provider, "before")
    const looking = yield* Deferred.make<void>()
    let ended = false
    const look = Effect.gen(function* () {
      const last = ended
      const stored = yield* provider.read(session.id)
      if (Option.isSome(stored)) {
        assert.equal(last, false, "the session is read after it ended")
        assert.equal(text(stored), "before")
      } else {
        assert.equal(yield* markAt(provider, session.id), content, "neither session nor mark")
      }
      yield* Deferred.succeed(looking, undefined)
      yield* turn
      return last
    })
    const reader = Effect.repeat(look, { until: (last) => last })
    const ending = Effect.andThen(
      Deferred.await(looking),
      Effect.map(end(session, markOf(content)), () => {
        ended = true
      })
    )
    yield* Effect.all([reader, reader, ending], { concurrency: "unbounded" })
  })
