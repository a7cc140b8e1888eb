/**
 * What the cases of the conformance suite share.
 */
import { strict as assert } from "node:assert"
import { randomBytes } from "node:crypto"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  type Provider,
  type Revision,
  SessionProvider,
  type Stored,
  type StoredId,
  type Written
} from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { CaseOf, Options } from "./Conformance.js"

export const day = Duration.days(1)

/** An id as the manager makes them; ids that share their first characters stay together in a sharded backend. */
export const newId = (sharing = ""): StoredId =>
  (sharing + randomBytes(32).toString("base64url").slice(sharing.length)) as StoredId

/** A successor for `id`: it inherits as much of it as the provider asks for. */
export const successor = (provider: Provider, id: StoredId): StoredId =>
  newId(id.slice(0, provider.capabilities.inheritedIdChars))

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const text = (stored: Option.Option<Stored>): string | undefined =>
  Option.isNone(stored) ? undefined : new TextDecoder().decode(stored.value.payload)

/** Defines a case in terms of the provider. */
export const define = (
  name: string,
  test: (provider: Provider, options: Options) => Effect.Effect<unknown, unknown>
): CaseOf => ({
  name,
  test: (options) => Effect.flatMap(SessionProvider, (provider) => Effect.asVoid(test(provider, options)))
})

/** A case for providers that can do what `claims` says; for others, a check that they do not say they can. */
export const defineIf = (
  claims: (provider: Provider, options: Options) => boolean,
  name: string,
  test: (provider: Provider, options: Options) => Effect.Effect<unknown, unknown>
): CaseOf => define(name, (provider, options) => (claims(provider, options) ? test(provider, options) : Effect.void))

export const compareAndSet = (provider: Provider): boolean => provider.capabilities.consistency !== "lastWriteWins"

/** Where content is compared, a revision comes back with its payload. */
export const uniqueRevisions = (provider: Provider): boolean => provider.capabilities.consistency === "compareAndSet"

export const written = (result: { readonly _tag: string }): Written => {
  assert.equal(result._tag, "Written")
  return result as Written
}

/** A stored session with this text. */
export const given = (
  provider: Provider,
  payload: string,
  ttl: Duration.DurationInput = day
): Effect.Effect<{ readonly id: StoredId; readonly revision: Revision; readonly expiresAt: number }, SessionError> =>
  Effect.suspend(() => {
    const id = newId()
    return Effect.map(provider.create(id, bytes(payload), Duration.decode(ttl)), (result) => ({
      ...written(result),
      id
    }))
  })

/** Asserts that to every operation the session does not exist. */
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
