/**
 * Conformance: those who wait for a session to end or move are told.
 */
import { strict as assert } from "node:assert"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { type Provider, SessionProvider } from "../Provider/Provider.js"
import { type CaseOf, defineFor, has } from "./define.js"
import { all, bytes, day, given, newId, successor, written } from "./support.js"
import type { Time } from "./time.js"

type Given = Effect.Success<ReturnType<typeof given>>

const define = defineFor("those who wait are told")

const told = { needs: [has("changed")] }

const endings: Record<string, (provider: Provider, session: Given) => Effect.Effect<unknown, unknown>> = {
  destroy: (provider, { id }) => provider.destroy(id),
  "destroy with a mark": (provider, { id }) => provider.destroy(id, { content: bytes("m"), ttl: day }),
  regenerate: (provider, { id, revision }) =>
    Effect.map(
      provider.regenerate({ oldId: id, newId: successor(provider, id), payload: bytes("moved"), ttl: day, revision }),
      written
    )
}

/** Two wait for the session while `meanwhile` runs, and are told at most ten seconds later. */
const twoWait = (
  provider: Provider,
  time: Time,
  id: Given["id"],
  meanwhile: Effect.Effect<unknown, unknown> = Effect.void
) => {
  let count = 0
  const one = Effect.map(provider.changed!(id), () => {
    count++
  })
  const check = Effect.gen(function* () {
    yield* meanwhile
    for (let i = 0; count < 2 && i < 100; i++) yield* time.pass(0.1)
    assert.equal(count, 2, "who waits is told within 10 seconds")
  })
  return all<void, unknown>([one, one, check])
}

export const newsCases: ReadonlyArray<CaseOf> = [
  ...Object.entries(endings).map(([name, end]) =>
    define(
      `two who wait for a session are told of its ${name}, over another connection`,
      (provider, time, { capabilities, layer }) =>
        Effect.gen(function* () {
          const session = yield* given(provider, "live")
          const other = capabilities.durable
            ? Effect.provide(
                Effect.flatMap(SessionProvider, (other) => end(other, session)),
                Layer.fresh(layer)
              )
            : end(provider, session)
          yield* twoWait(provider, time, session.id, Effect.andThen(time.pass(0.3), other))
        }),
      told
    )
  ),

  define(
    "who waits for a session that has ended, or never was, is told",
    (provider, time) =>
      Effect.gen(function* () {
        const { id } = yield* given(provider, "live")
        yield* provider.destroy(id)
        yield* twoWait(provider, time, id)
        yield* twoWait(provider, time, newId())
      }),
    told
  )
]
