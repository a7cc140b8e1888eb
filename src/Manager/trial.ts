/**
 * A trial: one whole session and a record of a person, made and ended as the manager does it. What a backend refuses
 * shows here, and not in the first request of a user: a right that is missing, a replica that takes no writes, a
 * directory of another user.
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { type Calls, mapCalls, type Provider, type Records, type StoredId } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import type { SessionCodec } from "../Store/Codec.js"
import { forked, scrubbed } from "./Calls.js"
import type { SessionConfig } from "./configSchema.js"
import { ended, movedTo } from "./marks.js"
import { type Ids, makeIds } from "./SessionId.js"
import { patience } from "./Turns.js"

/** How long a trial session lives if it cannot be ended. */
const ttl = Duration.minutes(1)

/**
 * Proves that a provider takes a whole session, within the configured timeout. It makes no span, event or count. Memory
 * needs no proof, and where it is full, a trial would push a session out.
 */
export const makeTrial = (
  provider: Provider,
  config: SessionConfig,
  codec: SessionCodec
): Effect.Effect<void, SessionError> => {
  const { capabilities, name } = provider
  if (capabilities.inProcess && !capabilities.durable) {
    return Effect.void
  }
  const ids = makeIds(config, capabilities)
  return Effect.suspend(() => {
    let current = "create"
    const noted = mapCalls(
      provider,
      (operation) => (call) =>
        Effect.suspend(() => {
          current = operation
          return call
        }),
      (list) => list
    )
    const where = () => `${name}: ${current}`
    const { millis } = patience(name, config.timeout)
    const late = Effect.suspend(() => patience(where(), config.timeout).late)
    return forked({ millis, late })(Effect.catchCause(session(noted, ids, codec, name), scrubbed(where)))
  })
}

/** Creates, changes and removes a record of a person: it may be kept where the sessions are not. */
const record = Effect.fnUntraced(function* (records: Records<SessionError>, id: StoredId, payload: Uint8Array) {
  const created = yield* records.create(id, payload, ttl)
  if (created._tag === "Written") {
    yield* records.write(id, payload, ttl, created.revision)
  }
  yield* records.destroy(id)
})

/** Creates, reads, renews, writes, regenerates and ends a session. */
const session = Effect.fnUntraced(function* (
  provider: Calls<SessionError>,
  ids: Ids,
  codec: SessionCodec,
  name: string
) {
  const unexpected = (operation: string, what: string) =>
    new SessionError({
      reason: "Unavailable",
      message: `${name}: ${operation}: ${what}: check that nothing else removes or keeps what the backend stores, and that it has room`
    })
  const id = ids.make()
  const [oldId, newId] = [ids.stored(id), ids.stored(ids.make(id))]
  const payload = codec.encode({ createdAt: undefined, values: {} })
  if (payload instanceof SessionError) {
    return yield* payload
  }
  yield* provider.create(oldId, payload, ttl)
  const created = yield* provider.read(oldId)
  if (Option.isNone(created) || Buffer.compare(created.value.payload, payload) !== 0) {
    return yield* unexpected("read", "a session that was stored a moment ago is not there")
  }
  yield* provider.touch(oldId, ttl)
  const written = yield* provider.write(oldId, payload, ttl, created.value.revision)
  const regenerated =
    written._tag === "Written"
      ? yield* provider.regenerate({ oldId, newId, payload, ttl, revision: written.revision, mark: movedTo(newId) })
      : written
  if (regenerated._tag !== "Written") {
    return yield* unexpected("write", "a session that nobody else knows was changed or removed")
  }
  yield* provider.destroy(newId, ended)
  if (yield* provider.exists(newId)) {
    return yield* unexpected("destroy", "a session that was ended a moment ago is still there")
  }
  if (provider.principals !== undefined) {
    yield* record(provider.principals, ids.stored(ids.make()), payload)
  }
})
