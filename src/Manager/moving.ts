/**
 * Moves sessions that were stored under their ids to the hashes of their ids: each moves when it is first read. So
 * hashed ids can be turned on while users are signed in.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type { Provider, Stored, StoredId } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import { type AtRest, sealedMark } from "./atRest.js"
import { ended, movedTo } from "./marks.js"
import { maxAttempts } from "./Turns.js"

/** A session, and whether this call moved it. */
export interface Moved extends Stored {
  readonly hasMoved?: boolean
}

type Found = Effect.Effect<Option.Option<Moved>, SessionError>

/** The calls that differ for ids that may not have been hashed yet: both look under the hash and under the id. */
export interface Moving {
  /** Reads the live session of an id, which is kept under `to` from then on. */
  readonly read: (id: StoredId, to: StoredId) => Found
  readonly destroy: (id: StoredId, to: StoredId) => Effect.Effect<void, SessionError>
}

const interfered = (backend: string) =>
  new SessionError({
    reason: "Conflict",
    message: `${backend}: read: other processes still change the session under its unhashed id: switch them over too`
  })

/** A session that moves is in use, so that it gets the lifetime `ttl` at least. */
export const moving = (provider: Provider, atRest: AtRest, ttl: Duration.Duration): Moving => {
  const move = (id: StoredId, to: StoredId, stored: Stored, attempt: number): Found => {
    const content = atRest.open("session", id, id, stored.payload)
    // What cannot be opened here cannot be opened there either.
    return content === undefined
      ? Effect.succeedSome(stored)
      : moveSealed(id, to, { ...stored, payload: atRest.seal("session", to, id, content) }, attempt)
  }

  const moveSealed = (id: StoredId, to: StoredId, { expiresAt, payload, revision }: Stored, attempt: number): Found =>
    Effect.clockWith((clock) => {
      const left = Duration.millis(Math.max(expiresAt - millisOf(clock), 0))
      return provider.regenerate({
        oldId: id,
        newId: to,
        payload,
        ttl: Duration.max(ttl, left),
        revision,
        mark: sealedMark(atRest, id, movedTo(to))
      })
    }).pipe(
      Effect.flatMap((result) =>
        result._tag === "Written"
          ? Effect.succeedSome({ payload, revision: result.revision, expiresAt: result.expiresAt, hasMoved: true })
          : read(id, to, attempt + 1)
      ),
      // If the backend writes the hash before it removes the id, another process may come between the two steps.
      Effect.catch((error) => Effect.filterOrFail(provider.read(to), Option.isSome, () => error))
    )

  const read = (id: StoredId, to: StoredId, attempt: number): Found =>
    Effect.flatMap(provider.read(to), (found) =>
      Option.isSome(found)
        ? Effect.succeed(found)
        : Effect.flatMap(
            provider.read(id),
            Option.match({
              // It may have moved between the two.
              onNone: () => provider.read(to),
              onSome: (stored) => (attempt > maxAttempts ? interfered(provider.name) : move(id, to, stored, attempt))
            })
          )
    )

  return {
    read: (id, to) => read(id, to, 1),
    // The id first: a session that moved before is under the hash, and one that has not moved by then no longer can.
    destroy: (id, to) => Effect.andThen(provider.destroy(id, ended), provider.destroy(to, ended))
  }
}
