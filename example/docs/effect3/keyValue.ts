import { randomUUID } from "node:crypto"
import { KeyValueStore } from "@effect/platform"
import { Clock, Duration, Effect, Layer, Option, Schema } from "effect"
import { SessionProvider } from "effect-session"

const Entry = Schema.Struct({
  revision: Schema.String,
  expiresAt: Schema.Number,
  payload: Schema.Uint8ArrayFromBase64
})

const make = (store: KeyValueStore.KeyValueStore): SessionProvider.Provider => {
  const entries = store.forSchema(Entry)
  // KeyValueStore has no compare-and-set, so this makes one change at a time. That is enough for one process only.
  const alone = Effect.unsafeMakeSemaphore(1).withPermits(1)

  /** The session at an id. From the instant it expires it counts as absent. */
  const live = (id: SessionProvider.StoredId) =>
    Effect.zipWith(entries.get(id), Clock.currentTimeMillis, (entry, now) =>
      Option.filter(entry, ({ expiresAt }) => expiresAt > now).pipe(
        Option.map((entry) => ({ ...entry, revision: entry.revision as SessionProvider.Revision }))
      )
    )

  /** Stores a payload under a new revision, or under the one that is given. */
  const put = (
    id: SessionProvider.StoredId,
    payload: Uint8Array,
    ttl: Duration.Duration,
    revision: string = randomUUID()
  ) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const expiresAt = now + Duration.toMillis(ttl)
      return Effect.as(entries.set(id, { revision, expiresAt, payload }), SessionProvider.written(revision, expiresAt))
    })

  /** Makes a change if the session is still at `revision`. */
  const changeAt = <E>(
    id: SessionProvider.StoredId,
    revision: SessionProvider.Revision,
    change: Effect.Effect<SessionProvider.Written, E>
  ) =>
    Effect.gen(function* () {
      const found = yield* live(id)
      return Option.isNone(found)
        ? SessionProvider.gone
        : found.value.revision === revision
          ? yield* change
          : SessionProvider.conflict(found.value)
    }).pipe(alone)

  return SessionProvider.make({
    name: "keyValue",
    capabilities: { ...SessionProvider.defaultCapabilities, regenerate: "ordered", durable: false },
    read: live,
    exists: (id) => Effect.map(live(id), Option.isSome),
    create: (id, payload, ttl) =>
      Effect.gen(function* () {
        return Option.isSome(yield* live(id)) ? SessionProvider.exists : yield* put(id, payload, ttl)
      }).pipe(alone),
    write: (id, payload, ttl, revision) => changeAt(id, revision, put(id, payload, ttl)),
    touch: (id, ttl) =>
      Effect.gen(function* () {
        const found = yield* live(id)
        if (Option.isNone(found)) return SessionProvider.gone
        const { expiresAt } = yield* put(id, found.value.payload, ttl, found.value.revision)
        return SessionProvider.touched(expiresAt)
      }).pipe(alone),
    destroy: (id) => alone(store.remove(id)),
    // The new session first: no client knows its id before the old one is gone.
    regenerate: ({ oldId, newId, payload, ttl, revision }) =>
      changeAt(oldId, revision, Effect.zipLeft(put(newId, payload, ttl), store.remove(oldId)))
  })
}

export const KeyValueLive = Layer.effect(SessionProvider.SessionProvider, Effect.map(KeyValueStore.KeyValueStore, make))
