/**
 * Conformance: lifetimes.
 */
import { strict as assert } from "node:assert"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Provider } from "../Provider/Provider.js"
import { type CaseOf, defineFor } from "./define.js"
import { assertGone, bytes, day, given, newId, past, successor, text, written } from "./support.js"

const second = Duration.seconds(1)

/** Asserts that an expiry is as far away as it should be; the clocks of a server and of this process may differ a little. */
const assertAway = (expiresAt: number, now: number, lifetime: Duration.Duration) => {
  const off = Math.abs(expiresAt - now - Duration.toMillis(lifetime))
  assert.ok(off <= 2_500, `the expiry is ${off} ms off`)
}

/** Long enough to be seen once the lifetime before it is surely over. */
const renewed = (provider: Provider) => Duration.millis(past(provider, 3000))

const define = defineFor("lifetimes are kept")

export const expiryCases: ReadonlyArray<CaseOf> = [
  define("lives until its lifetime is over, and from then on is gone to every operation", (provider, { pass }) =>
    Effect.gen(function* () {
      const { id, revision } = yield* given(provider, "short", "3 seconds")
      yield* pass("1 second")
      assert.equal(text(yield* provider.read(id)), "short")
      yield* pass(past(provider, 2000))
      yield* assertGone(provider, id, revision)
    })
  ),

  define("an id is free again once its session has expired", (provider, { pass }) =>
    Effect.gen(function* () {
      const { id } = yield* given(provider, "first", second)
      yield* pass(past(provider, 1000))
      written(yield* provider.create(id, bytes("second"), day))
      assert.equal(text(yield* provider.read(id)), "second")
    })
  ),

  define("touch renews the lifetime; without it the session expires", (provider, { pass }) =>
    Effect.gen(function* () {
      const { id, revision } = yield* given(provider, "touched", "2500 millis")
      const idle = yield* given(provider, "idle", "2500 millis")
      yield* pass("1 second")
      assert.equal((yield* provider.touch(id, renewed(provider)))._tag, "Touched")
      yield* pass(past(provider, 1600))
      assert.equal(text(yield* provider.read(id)), "touched")
      yield* assertGone(provider, idle.id, idle.revision)
      yield* pass(past(provider, 1500))
      yield* assertGone(provider, id, revision)
    })
  ),

  define("write renews the lifetime", (provider, { pass }) =>
    Effect.gen(function* () {
      const { id, revision } = yield* given(provider, "1", "2500 millis")
      yield* pass("1 second")
      const { revision: next } = written(yield* provider.write(id, bytes("2"), renewed(provider), revision))
      yield* pass(past(provider, 1600))
      assert.equal(text(yield* provider.read(id)), "2")
      yield* pass(past(provider, 1500))
      yield* assertGone(provider, id, next)
    })
  ),

  define("write and touch can shorten the lifetime", (provider, { pass }) =>
    Effect.gen(function* () {
      const one = yield* given(provider, "1")
      const two = yield* given(provider, "2")
      const { revision } = written(yield* provider.write(one.id, bytes("1"), second, one.revision))
      yield* provider.touch(two.id, second)
      yield* pass(past(provider, 1000))
      yield* assertGone(provider, one.id, revision)
      yield* assertGone(provider, two.id, two.revision)
    })
  ),

  define("regenerate gives the new id its own lifetime", (provider, { pass }) =>
    Effect.gen(function* () {
      const { id, revision } = yield* given(provider, "1", second)
      const next = successor(provider, id)
      written(yield* provider.regenerate({ oldId: id, newId: next, payload: bytes("2"), ttl: day, revision }))
      yield* pass(past(provider, 1000))
      assert.equal(text(yield* provider.read(next)), "2")
    })
  ),

  define("says when a session expires, for lifetimes from a second to 60 days", (provider) =>
    Effect.gen(function* () {
      for (const lifetime of [Duration.seconds(1.5), Duration.minutes(30), Duration.days(31), Duration.days(60)]) {
        const id = newId()
        const now = yield* Clock.currentTimeMillis
        const created = written(yield* provider.create(id, bytes("long"), lifetime))
        assertAway(created.expiresAt, now, lifetime)
        const stored = Option.getOrThrow(yield* provider.read(id))
        assertAway(stored.expiresAt, now, lifetime)
        const touched = yield* provider.touch(id, lifetime)
        assert.ok(touched._tag === "Touched")
        assertAway(touched.expiresAt, now, lifetime)
        assertAway(Option.getOrThrow(yield* provider.read(id)).expiresAt, now, lifetime)
        const again = written(yield* provider.write(id, bytes("long"), lifetime, stored.revision))
        assertAway(again.expiresAt, now, lifetime)
        assert.equal(text(yield* provider.read(id)), "long")
        yield* provider.destroy(id)
      }
    })
  )
]
