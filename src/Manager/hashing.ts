/**
 * Sessions that were stored under their ids themselves, and are from now on kept under the hashes of their ids: each moves when it is
 * first read. So hashed ids can be turned on while people are signed in.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Provider, Stored, StoredId } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import type { Ids } from "./SessionId.js"

type Found = Effect.Effect<Option.Option<Stored>, SessionError>

/** How often a session is tried to be moved that others change meanwhile. */
const maxAttempts = 24

/** The provider as it is, but where ids are to be hashed: then it takes ids that are not, and is given hashes. */
export const hashing = (provider: Provider, { hashed }: Ids): Provider => {
  if (hashed === undefined) {
    return provider
  }

  const move = (id: StoredId, to: StoredId, { expiresAt, payload, revision }: Stored, attempt: number): Found =>
    Effect.clockWith((clock) =>
      provider
        .regenerate(
          id,
          to,
          payload,
          Duration.millis(Math.max(1, expiresAt - clock.unsafeCurrentTimeMillis())),
          revision
        )
        .pipe(
          Effect.flatMap((result) =>
            result._tag === "Written"
              ? Effect.succeedSome({ payload, revision: result.revision, expiresAt: result.expiresAt })
              : read(id, to, attempt + 1)
          ),
          // Where the hash comes first and the id goes afterwards, another process may be between the two.
          Effect.catchAll((error) => Effect.filterOrFail(provider.read(to), Option.isSome, () => error))
        )
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
              onSome: (stored) =>
                attempt > maxAttempts
                  ? new SessionError({
                      reason: "Conflict",
                      message: `${provider.name}: read: other processes change the session under its id that is not hashed: switch them over too`
                    })
                  : move(id, to, stored, attempt)
            })
          )
    )

  return {
    ...provider,
    read: (id) => read(id, hashed(id), 1),
    create: (id, payload, ttl) => provider.create(hashed(id), payload, ttl),
    write: (id, payload, ttl, revision) => provider.write(hashed(id), payload, ttl, revision),
    touch: (id, ttl) => provider.touch(hashed(id), ttl),
    exists: (id) =>
      Effect.flatMap(provider.exists(hashed(id)), (exists) => (exists ? Effect.succeed(true) : provider.exists(id))),
    // The id first: what moves before that is under the hash, and what has not moved by then cannot any more.
    destroy: (id) => Effect.zipRight(provider.destroy(id), provider.destroy(hashed(id))),
    regenerate: (oldId, newId, payload, ttl, revision) =>
      provider.regenerate(hashed(oldId), hashed(newId), payload, ttl, revision)
  }
}
