/**
 * Moves sessions when they are first read, so that nobody is signed out: from their ids to the hashes of their ids, if hashed ids
 * are turned on while users are signed in; or from another provider (`otherLayout.ts`, `ownLayout.ts`).
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type { Provider, Stored, StoredId } from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import { type AtRest, sealedMark } from "../atRest.js"
import type { SessionConfig } from "../configSchema.js"
import { ended, movedTo } from "../marks.js"
import { maxAttempts } from "../Turns.js"

/** A session, and whether this call moved it. */
export interface Moved extends Stored {
  readonly hasMoved?: boolean
}

type Found = Effect.Effect<Option.Option<Moved>, SessionError>

/** Where sessions are until they move: under their ids, or under the same hashes of them. */
export interface OldPlace {
  readonly hashed: boolean
  readonly read: (id: StoredId, to: StoredId) => Effect.Effect<Option.Option<Stored>, SessionError>
  /** Moves a session that was read to its hash; `Changed` if it has to be read again. */
  readonly move: (
    id: StoredId,
    to: StoredId,
    stored: Stored
  ) => Effect.Effect<Option.Option<Moved> | "Changed", SessionError>
  /** Ends the session under both, so that nobody who has read it can move it any more. */
  readonly end: (id: StoredId, to: StoredId) => Effect.Effect<void, SessionError>
}

/** The lifetime of a session that is used now. */
export const inUseFor = ({ absoluteTimeout, idleTimeout }: SessionConfig): Duration.Duration =>
  Duration.min(idleTimeout, absoluteTimeout)

/** What is left of a session's lifetime when it moves: it is in use, so that it gets the lifetime `ttl` at least. */
export const lifetimeLeft = ({ expiresAt }: Stored, ttl: Duration.Duration, now: number): Duration.Duration =>
  Duration.max(ttl, Duration.millis(Math.max(expiresAt - now, 0)))

const interfered = (backend: string) =>
  new SessionError({
    reason: "Conflict",
    message: `${backend}: read: other processes still change the session under its unhashed id: switch them over too`
  })

/** Reads the live session of an id, which is kept under its hash, `to`, from then on. */
export const readMoving = (
  provider: Pick<Provider, "name" | "read">,
  old: Pick<OldPlace, "move" | "read">
): ((id: StoredId, to: StoredId, attempt?: number) => Found) => {
  const read = (id: StoredId, to: StoredId, attempt = 1): Found =>
    Effect.flatMap(provider.read(to), (found) =>
      Option.isSome(found)
        ? Effect.succeed(found)
        : Effect.flatMap(
            old.read(id, to),
            Option.match({
              // It may have moved between the two.
              onNone: () => provider.read(to),
              onSome: (stored) =>
                attempt > maxAttempts
                  ? interfered(provider.name)
                  : Effect.flatMap(old.move(id, to, stored), (moved) =>
                      moved === "Changed" ? read(id, to, attempt + 1) : Effect.succeed(moved)
                    )
            })
          )
    )
  return read
}

/** The sessions of this provider that are under their ids. */
export const unhashed = (provider: Provider, config: SessionConfig, atRest: AtRest): OldPlace => {
  const move = (id: StoredId, to: StoredId, stored: Stored, payload: Uint8Array) =>
    Effect.clockWith((clock) =>
      provider.regenerate({
        oldId: id,
        newId: to,
        payload,
        ttl: lifetimeLeft(stored, inUseFor(config), millisOf(clock)),
        revision: stored.revision,
        mark: sealedMark(atRest, id, movedTo(to))
      })
    ).pipe(
      Effect.map((result) =>
        result._tag === "Written"
          ? Option.some({ payload, revision: result.revision, expiresAt: result.expiresAt, hasMoved: true })
          : ("Changed" as const)
      ),
      // If the backend writes the hash before it removes the id, another process may come between the two steps.
      Effect.catch((error) => Effect.filterOrFail(provider.read(to), Option.isSome, () => error))
    )

  return {
    hashed: false,
    read: provider.read,
    move: (id, to, stored) => {
      const content = atRest.open("session", id, id, stored.payload)
      // What cannot be opened here cannot be opened there either.
      return content === undefined
        ? Effect.succeedSome(stored)
        : move(id, to, stored, atRest.seal("session", to, id, content))
    },
    // The id first: a session that moved before is under the hash, and one that has not moved by then no longer can.
    end: (id, to) => Effect.andThen(provider.destroy(id, ended), provider.destroy(to, ended))
  }
}
