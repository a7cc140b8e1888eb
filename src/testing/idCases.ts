/**
 * Conformance: ids that are nearly the same, and ids that an attacker sends.
 */

import { strict as assert } from "node:assert"
import { errorOf, valueOf } from "#dialect/result"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import type { StoredId } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import { type CaseOf, defineFor } from "./define.js"
import { bytes, day, given, newId, text, written } from "./support.js"

const hostileIds = [
  "",
  ".",
  "..",
  "../../../../etc/passwd",
  "/etc/passwd",
  "a/b",
  "a\\b",
  "a\u0000b",
  "a b",
  "a\r\nflush_all\r\n",
  "' OR 1=1 --",
  '"; DROP TABLE session; --',
  "%",
  "*",
  "?[a-z]*",
  "{a}{b}",
  "__proto__",
  "constructor",
  "\ud800",
  "é",
  "x".repeat(300),
  "x".repeat(10_000)
] as ReadonlyArray<string> as ReadonlyArray<StoredId>

export const idCases: ReadonlyArray<CaseOf> = [
  defineFor("sessions are kept whole")("tells ids apart to the last bit and letter case", (provider) =>
    Effect.gen(function* () {
      const base = `${newId().slice(0, 40)}aAA`
      const twins = [
        base,
        `${base.slice(0, 40)}AAA`,
        `${base.slice(0, 40)}aaA`,
        `${base.slice(0, 40)}aAE`,
        `A${base.slice(1)}`,
        `a${base.slice(1)}`
      ]
      const ids = [...new Set(twins)] as Array<StoredId>
      for (const id of ids) {
        written(yield* provider.create(id, bytes(id), day))
      }
      for (const id of ids) {
        assert.equal(text(yield* provider.read(id)), id)
      }
      yield* provider.destroy(ids[0]!)
      assert.equal(yield* provider.exists(ids[0]!), false)
      for (const id of ids.slice(1)) {
        assert.equal(text(yield* provider.read(id)), id)
      }
    })
  ),

  defineFor("hostile ids do no harm")(
    "an id from an attacker finds nothing, breaks nothing, and ends no other session",
    (provider) =>
      Effect.gen(function* () {
        const { id, revision } = yield* given(provider, "safe")
        for (const bad of hostileIds) {
          // A typed error is as good as finding no session.
          const found = yield* Effect.result(provider.read(bad))
          assert.ok(Result.isFailure(found) ? errorOf(found) instanceof SessionError : Option.isNone(valueOf(found)))
          const there = yield* Effect.result(provider.exists(bad))
          assert.ok(Result.isFailure(there) ? errorOf(there) instanceof SessionError : valueOf(there) === false)
          for (const attempt of [
            provider.touch(bad, day),
            provider.write(bad, bytes("x"), day, revision),
            provider.regenerate({ oldId: bad, newId: newId(), payload: bytes("x"), ttl: day, revision })
          ]) {
            const result = yield* Effect.result<{ readonly _tag: string }, SessionError, never>(attempt)
            assert.ok(
              Result.isFailure(result) ? errorOf(result) instanceof SessionError : valueOf(result)._tag === "Gone"
            )
          }
          yield* Effect.result(provider.destroy(bad))
        }
        assert.equal(text(yield* provider.read(id)), "safe")
      })
  )
]
