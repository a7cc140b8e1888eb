/**
 * Takes one session, or the list of a person's sessions, from its old place to its new one: copies it, moves it, or only looks.
 */
import * as Clock from "#effect/Clock"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Schedule from "#effect/Schedule"
import { toBuffer } from "../internal/bytes.js"
import { isInUse, ttlLeft } from "../Manager/moving/ownLayout.js"
import type { Records, Stored, StoredId } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { Fate } from "./tally.js"

/** A backend that is away for a moment does not end a copy of an hour. */
export const patiently = <A>(effect: Effect.Effect<A, SessionError>): Effect.Effect<A, SessionError> =>
  Effect.retry(effect, {
    while: ({ reason }) => reason === "Unavailable",
    schedule: Schedule.exponential("100 millis"),
    times: 8
  })

export interface Taken {
  readonly fate: Fate
  /** What is at the old place. */
  readonly stored?: Stored
}

/** Takes the session, or the list, of this name. */
export type Take = (id: StoredId) => Effect.Effect<Taken, SessionError>

/** The operations that sessions and lists have in common. */
export type Place = Pick<Records<SessionError>, "create" | "read">

/** What `take` makes of what is at the old place. */
const taking =
  ({ read }: Place, take: (id: StoredId, stored: Stored) => Effect.Effect<Fate, SessionError>): Take =>
  (id) =>
    Effect.flatMap(patiently(read(id)), (found): ReturnType<Take> => {
      if (Option.isNone(found)) {
        return Effect.succeed({ fate: "gone" })
      }
      const stored = found.value
      return patiently(take(id, stored)).pipe(
        Effect.catchIf(
          ({ reason }) => reason === "TooLarge",
          () => Effect.succeed<Fate>("tooLarge")
        ),
        Effect.map((fate) => ({ fate, stored }))
      )
    })

/** How what is at the new place already compares with what is at the old one; `none` if nothing is there. */
const compared = ({ read }: Place, id: StoredId, { payload }: Stored, none: Fate): Effect.Effect<Fate, SessionError> =>
  Effect.map(
    read(id),
    Option.match({
      onNone: () => none,
      onSome: (there) => (toBuffer(payload).equals(there.payload) ? "same" : "different")
    })
  )

export const copying = (from: Place, to: Place): Take =>
  taking(from, (id, stored) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.flatMap(to.create(id, stored.payload, ttlLeft(stored, now)), ({ _tag }) =>
        _tag === "Written" ? Effect.succeed<Fate>("taken") : compared(to, id, stored, "ended")
      )
    )
  )

/** Reading at both places takes it to the new one. */
export const moving = (from: Place, both: Place): Take =>
  taking(from, (id, stored) =>
    Effect.map(both.read(id), (moved) => (Option.isSome(moved) && isInUse(stored) ? "taken" : "gone"))
  )

/** Takes nothing. */
export const looking = (from: Place, to: Place): Take => taking(from, (id, stored) => compared(to, id, stored, "taken"))
