/**
 * Moves sessions here from another provider, where another library's format has them under their ids, or under hashes of them.
 *
 * A session is stored here first, under its hash, which the provider refuses if it is there already, or was and has left a mark:
 * so only one of those who have read it does that. It alone then empties the session there, by compare-and-set. If others have
 * changed it meanwhile, it takes their changes over and tries again; if it was ended, it ends it here.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import type { Provider, Revision, Stored, StoredId } from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import { json, type SessionCodec } from "../../Store/Codec.js"
import { converting } from "../../Store/converting.js"
import type { Any } from "../../Store/SessionStore.js"
import type { AtRest } from "../atRest.js"
import { forked, type Surroundings } from "../Calls.js"
import type { SessionConfig } from "../configSchema.js"
import { ended } from "../marks.js"
import { maxAttempts, patience } from "../Turns.js"
import { inUseFor, lifetimeLeft, type Moved, type OldPlace } from "./oldPlace.js"
import { holding } from "./twoPlaces.js"

/** Where sessions come from, and what of them is carried over. */
export interface From {
  readonly provider: Provider
  readonly codec: SessionCodec
  readonly stores: ReadonlyArray<Any>
  /** Whether the sessions are under the hashes of their ids there. */
  readonly hashed?: boolean | undefined
}

/** How long an emptied session stays at its old place, if it cannot be removed there. */
const emptyFor = Duration.minutes(1)

const leftBehind =
  "session: values of a session were not carried over when it moved, because no store in `stores` has a field for them, or the field's Schema does not accept them: the events Dropped tell their names"

type Moving = Effect.Effect<Option.Option<Moved>, SessionError>

/** Sessions of another provider, which move to `provider`, the new place. */
export const elsewhere = (
  provider: Provider,
  { codec, hashed = false, provider: from, stores }: From,
  config: SessionConfig,
  atRest: AtRest,
  { reports, telemetry }: Pick<Surroundings, "reports" | "telemetry">
): Effect.Effect<OldPlace, SessionError> => {
  const ttl = inUseFor(config)
  const at = hashed ? (_: StoredId, to: StoredId) => to : (id: StoredId) => id
  const convert = converting(stores, codec, json)
  const empty = codec.encode({ createdAt: undefined, values: {} })
  if (empty instanceof SessionError) {
    return Effect.fail(empty)
  }

  /** What to store here; undefined if it is no session in the old format. */
  const converted = (id: StoredId, to: StoredId, { payload }: Stored, createdAt: number) => {
    const data = codec.decode(payload)
    if (data === undefined) {
      return undefined
    }
    const dropped = new Set<string>()
    const values = convert(data.values, { dropped: (key) => dropped.add(key) })
    const encoded = json.encode({ createdAt, values })
    return encoded instanceof SessionError ? encoded : { dropped, payload: atRest.seal("session", to, id, encoded) }
  }

  /** Tells what was left behind. */
  const told = (to: StoredId, dropped: ReadonlySet<string>): Effect.Effect<void> => {
    for (const key of dropped) {
      telemetry.dropped(to, key)
    }
    return dropped.size === 0 ? Effect.void : reports.warned(leftBehind)
  }

  const endedMeanwhile = (to: StoredId) => Effect.andThen(provider.destroy(to, ended), Effect.succeedNone)

  /** The session has moved already, or has ended since. What is left of it at its old place goes. */
  const settled = (id: StoredId, to: StoredId): Moving => Effect.andThen(from.destroy(at(id, to)), provider.read(to))

  /** Empties the session at its old place, where it is at `revision`; here it is stored as `moved`. */
  const leave = (id: StoredId, to: StoredId, moved: Moved, revision: Revision, attempt = 1): Moving =>
    Effect.flatMap(from.write(at(id, to), empty, emptyFor, revision), (result): Moving => {
      switch (result._tag) {
        case "Written":
          return Effect.as(Effect.ignore(from.destroy(at(id, to))), Option.some(moved))
        case "Gone":
          return endedMeanwhile(to)
        case "Conflict":
          return attempt === maxAttempts
            ? settled(id, to)
            : Effect.flatMap(from.read(at(id, to)), (found) =>
                Option.isNone(found) ? endedMeanwhile(to) : takeOver(id, to, moved, found.value, attempt + 1)
              )
      }
    })

  /** Stores what others have changed there meanwhile, unless the session was changed here too: then that counts. */
  const takeOver = (id: StoredId, to: StoredId, moved: Moved, stored: Stored, attempt: number): Moving =>
    Effect.clockWith((clock) => {
      const now = millisOf(clock)
      const next = converted(id, to, stored, now)
      if (next instanceof SessionError) {
        return Effect.fail(next)
      }
      return next === undefined
        ? leave(id, to, moved, stored.revision, attempt)
        : Effect.flatMap(provider.write(to, next.payload, lifetimeLeft(stored, ttl, now), moved.revision), (result) =>
            result._tag === "Written"
              ? Effect.andThen(
                  told(to, next.dropped),
                  leave(id, to, { ...result, payload: next.payload }, stored.revision, attempt)
                )
              : settled(id, to)
          )
    })

  const move = (id: StoredId, to: StoredId, stored: Stored): Moving =>
    Effect.clockWith((clock): Moving => {
      const now = millisOf(clock)
      const made = converted(id, to, stored, now)
      if (made === undefined) {
        // Reported like any other session that cannot be read.
        return Effect.succeedSome({ ...stored, payload: new Uint8Array(0) })
      }
      return made instanceof SessionError
        ? Effect.fail(made)
        : Effect.flatMap(provider.create(to, made.payload, lifetimeLeft(stored, ttl, now)), (result) =>
            result._tag === "Written"
              ? Effect.andThen(
                  told(to, made.dropped),
                  leave(id, to, { ...result, payload: made.payload }, stored.revision)
                )
              : Effect.flatMap(
                  provider.read(to),
                  (found): Moving =>
                    // Whoever has stored it empties it there. If it has ended here, nobody stores it again.
                    Option.isSome(found) ? Effect.succeed(found) : settled(id, to)
                )
          )
    })

  return Effect.succeed<OldPlace>({
    hashed,
    read: (id, to) => from.read(at(id, to)),
    // Not half of it, if the client hangs up.
    move: (id, to, stored) => Effect.uninterruptible(move(id, to, stored)),
    end: (id, to) =>
      Effect.flatMap(from.exists(at(id, to)), (isThere) =>
        isThere
          ? Effect.andThen(
              Effect.andThen(holding(provider, to, config), from.destroy(at(id, to))),
              provider.destroy(to, ended)
            )
          : provider.destroy(to, ended)
      )
  })
}

/** SHA-256 as base64url. */
const looksHashed = (id: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(id)

/** How many ids are looked at: a few may be of another kind, left by another configuration. */
const sampled = 100

/** Some ids of a place: none if it cannot list them, has no right to, or takes too long to find one. */
const someIds = ({ list, name }: Provider, timeout: Duration.Duration): Effect.Effect<ReadonlyArray<StoredId>> =>
  list === undefined
    ? Effect.succeed([])
    : forked(patience(name, timeout))(Stream.runCollect(Stream.take(list, sampled))).pipe(
        Effect.map((ids) => [...ids]),
        Effect.catch(() => Effect.succeed<ReadonlyArray<StoredId>>([]))
      )

const wrong = (message: string) => Effect.fail(new SessionError({ reason: "InvalidConfig", message }))

/**
 * Fails with `InvalidConfig` if `hashed` is not what the sessions at the old place look like: none of them would be found, and all users
 * would be signed out.
 */
export const checkIds = (
  { hashed, provider: from }: From,
  { timeout }: SessionConfig
): Effect.Effect<void, SessionError> =>
  hashed === false
    ? Effect.void
    : Effect.flatMap(someIds(from, timeout), (ids) =>
        ids.some(looksHashed)
          ? hashed
            ? Effect.void
            : wrong(
                `hashed: ${from.name} seems to have sessions under hashes of their ids, as an ExpressStore does: set it to true, or to false if these are the ids`
              )
          : hashed && ids.length > 0
            ? wrong(`hashed: ${from.name} has sessions under their ids, and not under hashes of them: leave it out`)
            : Effect.void
      )
