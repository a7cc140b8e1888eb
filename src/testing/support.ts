/**
 * Helpers that the cases of the conformance suite share.
 */
import { strict as assert } from "node:assert"
import { randomBytes } from "node:crypto"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type { Provider, Revision, Stored, StoredId, Written } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"

export const day = Duration.days(1)

/**
 * Waits for a turn of the event loop, whatever keeps the time. The calls of a provider in this process may complete
 * without waiting: then operations that a case starts at the same time would run one after the other.
 */
export const turn: Effect.Effect<void> = Effect.callback((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Makes an id like those of the manager; ids with the same first characters stay together in a sharded backend. */
export const newId = (sharing = ""): StoredId =>
  (sharing + randomBytes(32).toString("base64url").slice(sharing.length)) as StoredId

/** Makes a successor for `id`, which inherits as many characters as the provider asks for. */
export const successor = (provider: Provider, id: StoredId): StoredId =>
  newId(id.slice(0, provider.capabilities.inheritedIdChars))

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const text = (stored: Option.Option<Stored>): string | undefined =>
  Option.isNone(stored) ? undefined : new TextDecoder().decode(stored.value.payload)

export const written = (result: { readonly _tag: string }): Written => {
  assert.equal(result._tag, "Written")
  return result as Written
}

/** Runs the effects all at once. */
export const all = <A, E>(effects: ReadonlyArray<Effect.Effect<A, E>>) =>
  Effect.all(effects, { concurrency: "unbounded" })

/** Stores a session with this text. */
export const given = (
  provider: Provider,
  payload: string,
  ttl: Duration.Input = day
): Effect.Effect<{ readonly id: StoredId; readonly revision: Revision; readonly expiresAt: number }, SessionError> =>
  Effect.suspend(() => {
    const id = newId()
    return Effect.map(provider.create(id, bytes(payload), Duration.fromInputUnsafe(ttl)), (result) => ({
      ...written(result),
      id
    }))
  })

/** Asserts that the session does not exist for any operation. */
export const assertGone = (provider: Provider, id: StoredId, revision: Revision) =>
  Effect.gen(function* () {
    assert.ok(Option.isNone(yield* provider.read(id)), "read finds it")
    assert.equal(yield* provider.exists(id), false, "exists finds it")
    assert.equal((yield* provider.touch(id, day))._tag, "Gone", "touch finds it")
    assert.equal((yield* provider.write(id, bytes("revived"), day, revision))._tag, "Gone", "write finds it")
    const next = successor(provider, id)
    assert.equal(
      (yield* provider.regenerate({ oldId: id, newId: next, payload: bytes("revived"), ttl: day, revision }))._tag,
      "Gone",
      "regenerate finds it"
    )
    assert.ok(Option.isNone(yield* provider.read(next)), "regenerate made a successor of nothing")
    assert.ok(Option.isNone(yield* provider.read(id)), "an operation brought it back")
  })
