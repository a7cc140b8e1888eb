/**
 * Conformance: lifetimes.
 */
import { strict as assert } from "node:assert"
import * as Clock from "#effect/Clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type { Provider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import { type CaseOf, defineFor } from "./define.js"
import { assertGone, bytes, day, given, newId, successor, text, written } from "./support.js"
import { margin, type Time } from "./time.js"

/** The largest difference between the clocks of a server and of this process, in milliseconds. */
const apart = 2_500

/** Runs an effect that sets a lifetime, and returns the earliest and the latest time at which the lifetime can end. */
const ends = <A>(effect: Effect.Effect<A, SessionError>, lifetime: Duration.Duration) =>
  Effect.gen(function* () {
    const before = yield* Clock.currentTimeMillis
    const result = yield* effect
    const after = yield* Clock.currentTimeMillis
    return { result, earliest: before + Duration.toMillis(lifetime), latest: after + Duration.toMillis(lifetime) }
  })

const assertEnds = (
  expiresAt: number,
  { earliest, latest }: { readonly earliest: number; readonly latest: number }
) => {
  const off = Math.max(earliest - expiresAt, expiresAt - latest)
  assert.ok(off <= apart, `the expiry is ${off} ms off`)
}

const define = defineFor("lifetimes are kept")

/** A lifetime that is longer than the backend's slack. */
const renewed = (provider: Provider, { seconds }: Time) =>
  Duration.sum(seconds(2), Duration.millis(provider.capabilities.expirySlack))

export const expiryCases: ReadonlyArray<CaseOf> = [
  define("lives until its lifetime is over, and from then on is gone to every operation", (provider, time) =>
    Effect.gen(function* () {
      const { id, revision } = yield* given(provider, "short", time.seconds(3))
      yield* time.pass(3 - margin)
      assert.equal(text(yield* provider.read(id)), "short")
      assert.equal(yield* provider.exists(id), true)
      yield* time.passOver(margin)
      yield* assertGone(provider, id, revision)
    })
  ),

  define("an id is free again once its session has expired, and not before", (provider, time) =>
    Effect.gen(function* () {
      const { id } = yield* given(provider, "first", time.seconds(1))
      yield* time.pass(1 - margin)
      assert.equal((yield* provider.create(id, bytes("early"), day))._tag, "Exists")
      yield* time.passOver(margin)
      written(yield* provider.create(id, bytes("second"), day))
      assert.equal(text(yield* provider.read(id)), "second")
    })
  ),

  define("touch renews the lifetime; without it the session expires", (provider, time) =>
    Effect.gen(function* () {
      const { id, revision } = yield* given(provider, "touched", time.seconds(2))
      const idle = yield* given(provider, "idle", time.seconds(2))
      yield* time.pass(2 - margin)
      assert.equal((yield* provider.touch(id, renewed(provider, time)))._tag, "Touched")
      yield* time.passOver(2 - margin)
      assert.equal(text(yield* provider.read(id)), "touched")
      yield* assertGone(provider, idle.id, idle.revision)
      yield* time.passOver(margin)
      yield* assertGone(provider, id, revision)
    })
  ),

  define("write renews the lifetime", (provider, time) =>
    Effect.gen(function* () {
      const { id, revision } = yield* given(provider, "1", time.seconds(2))
      yield* time.pass(2 - margin)
      const { revision: next } = written(yield* provider.write(id, bytes("2"), renewed(provider, time), revision))
      yield* time.passOver(2 - margin)
      assert.equal(text(yield* provider.read(id)), "2")
      yield* time.passOver(margin)
      yield* assertGone(provider, id, next)
    })
  ),

  define("write and touch can shorten the lifetime", (provider, time) =>
    Effect.gen(function* () {
      const one = yield* given(provider, "1")
      const two = yield* given(provider, "2")
      const { revision } = written(yield* provider.write(one.id, bytes("1"), time.seconds(1), one.revision))
      yield* provider.touch(two.id, time.seconds(1))
      yield* time.pass(1 - margin)
      assert.equal(text(yield* provider.read(one.id)), "1")
      assert.equal(text(yield* provider.read(two.id)), "2")
      yield* time.passOver(margin)
      yield* assertGone(provider, one.id, revision)
      yield* assertGone(provider, two.id, two.revision)
    })
  ),

  define("regenerate gives the new id its own lifetime", (provider, time) =>
    Effect.gen(function* () {
      const { id, revision } = yield* given(provider, "1", time.seconds(1))
      const next = successor(provider, id)
      const ttl = renewed(provider, time)
      const moved = written(yield* provider.regenerate({ oldId: id, newId: next, payload: bytes("2"), ttl, revision }))
      yield* time.passOver(2 - margin)
      assert.equal(text(yield* provider.read(next)), "2")
      yield* time.passOver(margin)
      yield* assertGone(provider, next, moved.revision)
    })
  ),

  define("says when a session expires, for lifetimes from a second to 60 days", (provider, { seconds }) =>
    Effect.gen(function* () {
      for (const lifetime of [seconds(1.5), Duration.minutes(30), Duration.days(31), Duration.days(60)]) {
        const id = newId()
        const created = yield* ends(provider.create(id, bytes("long"), lifetime), lifetime)
        assertEnds(written(created.result).expiresAt, created)
        const stored = Option.getOrThrow(yield* provider.read(id))
        assertEnds(stored.expiresAt, created)
        const touched = yield* ends(provider.touch(id, lifetime), lifetime)
        assert.ok(touched.result._tag === "Touched")
        assertEnds(touched.result.expiresAt, touched)
        assertEnds(Option.getOrThrow(yield* provider.read(id)).expiresAt, touched)
        const again = yield* ends(provider.write(id, bytes("long"), lifetime, stored.revision), lifetime)
        assertEnds(written(again.result).expiresAt, again)
        assert.equal(text(yield* provider.read(id)), "long")
        yield* provider.destroy(id)
      }
    })
  )
]
