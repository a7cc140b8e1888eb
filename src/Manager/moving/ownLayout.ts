/**
 * Moves sessions of this library's own layout from one backend to another: a provider over both, to which a session, or the
 * list of a person's sessions, moves when it is first read. Each is the same bytes under the same name at both.
 *
 * A record is in use at one place at a time, even while other processes move it the other way, so that an app can change
 * over one process after the other. Each step is one compare-and-set: it is stored at the new place as one that is coming,
 * which nobody uses; replaced at the old one by a note that it has left; and then in use at the new one. Whoever meets a
 * record between two of these steps takes the next one, so that it does not matter who began, or whether he has died.
 */
import { millisOf } from "#dialect/clock"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import {
  type Conflict,
  conflict,
  type Exists,
  exists,
  type Gone,
  gone,
  type Provider,
  type Records,
  type Stored,
  type StoredId,
  type Written
} from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import type { SessionConfig } from "../configSchema.js"
import { ended } from "../marks.js"
import { maxAttempts, pauseAfter } from "../Turns.js"
import { holding, newPlace } from "./twoPlaces.js"

/** What sessions and lists have in common. */
type Place = Records<SessionError>

/** The first byte of what is no record in use; theirs is another. The `placeholder` of an end has none of these. */
const [leftFlag, comingFlag] = [1, 2]

/** What a record leaves at its old place, for long enough that whoever has just looked at the other one learns of it. */
const left = Buffer.of(leftFlag)
const leftFor = Duration.seconds(5)

const hasLeft = ({ payload }: Stored): boolean => payload[0] === leftFlag
const isComing = ({ payload }: Stored): boolean => payload[0] === comingFlag

/** Whether it is a session or a list, and not on its way from one place to the other. */
export const isInUse = (stored: Stored): boolean => stored.payload.length > 1 && !hasLeft(stored) && !isComing(stored)

const asComing = (payload: Uint8Array): Uint8Array => Buffer.concat([Buffer.of(comingFlag), payload])

/** What is left of a lifetime: that a record moves does not prolong it. */
export const ttlLeft = ({ expiresAt }: Stored, now: number): Duration.Duration =>
  Duration.millis(Math.max(Math.round(expiresAt - now), 1))

const interfered = (name: string) =>
  new SessionError({
    reason: "Conflict",
    message: `${name}: read: other processes move the session at the same time, again and again: try again`
  })

/** Reads what is in use, at the new place, and takes it there if it is elsewhere. */
const reading = (
  name: string,
  from: Place,
  to: Place,
  marked: (id: StoredId) => Effect.Effect<boolean, SessionError>,
  end: (id: StoredId) => Effect.Effect<void, SessionError>
): Place["read"] => {
  /** Makes a record that was coming to `place` one in use. */
  const arrive = (place: Place, id: StoredId, { payload, ...stored }: Stored) =>
    Effect.clockWith((clock) => {
      const own = payload.subarray(1)
      return Effect.map(
        place.write(id, own, ttlLeft({ payload, ...stored }, millisOf(clock)), stored.revision),
        (result) => (result._tag === "Written" ? Option.some({ ...result, payload: own }) : Option.none())
      )
    })

  /** Stores the record as one that is coming, in place of `here`. None if others came first. */
  const announce = (id: StoredId, here: Stored | undefined, there: Stored) =>
    Effect.clockWith((clock) => {
      const [payload, ttl] = [asComing(there.payload), ttlLeft(there, millisOf(clock))]
      const stored: Effect.Effect<Written | Exists | Conflict | Gone, SessionError> =
        here === undefined ? to.create(id, payload, ttl) : to.write(id, payload, ttl, here.revision)
      return Effect.map(stored, (result) =>
        result._tag === "Written" ? Option.some({ ...result, payload }) : Option.none<Stored>()
      )
    })

  /** Takes the record from its old place, where it is in use as `there`. */
  const bring = (
    id: StoredId,
    here: Stored | undefined,
    there: Stored,
    again: Effect.Effect<Option.Option<Stored>, SessionError>
  ): Effect.Effect<Option.Option<Stored>, SessionError> =>
    Effect.flatMap(announce(id, here, there), (coming) =>
      Option.isNone(coming)
        ? // It has ended here: nobody is to bring it again.
          Effect.flatMap(marked(id), (hasEnded) =>
            hasEnded ? Effect.andThen(from.destroy(id), Effect.succeedNone) : again
          )
        : Effect.flatMap(from.write(id, left, leftFor, there.revision), (result) => {
            switch (result._tag) {
              case "Written":
                return Effect.flatMap(arrive(to, id, coming.value), (arrived) =>
                  Option.isSome(arrived) ? Effect.succeed(arrived) : again
                )
              case "Gone":
                return Effect.andThen(end(id), Effect.succeedNone)
              case "Conflict":
                return again
            }
          })
    )

  const look = (id: StoredId, attempt: number): Effect.Effect<Option.Option<Stored>, SessionError> =>
    Effect.flatMap(to.read(id), (found) => {
      const here = Option.getOrUndefined(found)
      if (here !== undefined && isInUse(here)) {
        return Effect.succeed(found)
      }
      const again = Effect.suspend(() =>
        attempt === maxAttempts
          ? interfered(name)
          : Effect.andThen(
              pauseAfter(attempt),
              Effect.suspend(() => look(id, attempt + 1))
            )
      )
      return Effect.flatMap(from.read(id), (other): Effect.Effect<Option.Option<Stored>, SessionError> => {
        const there = Option.getOrUndefined(other)
        if (there !== undefined && isInUse(there)) {
          return bring(id, here, there, again)
        }
        if (here !== undefined && isComing(here)) {
          return Effect.flatMap(arrive(to, id, here), (arrived) =>
            Option.isSome(arrived) ? Effect.succeed(arrived) : again
          )
        }
        if (there !== undefined && isComing(there)) {
          return Effect.andThen(arrive(from, id, there), again)
        }
        // It may have come between the two, and what has left is on its way, unless it has ended.
        return here === undefined && there === undefined
          ? Effect.map(to.read(id), Option.filter(isInUse))
          : Effect.flatMap(marked(id), (hasEnded) => (hasEnded || attempt > 4 ? Effect.succeedNone : again))
      })
    })
  return (id) => look(id, 1)
}

type Swapped = Written | Conflict | Gone

/** The result of a compare-and-set, which knows that what is gone here, or has another form, may be at the other place by now. */
const orElsewhere =
  (read: Place["read"]) =>
  (id: StoredId, swap: Effect.Effect<Swapped, SessionError>): Effect.Effect<Swapped, SessionError> =>
    Effect.flatMap(swap, (result) =>
      result._tag === "Written" || (result._tag === "Conflict" && result.current && isInUse(result.current))
        ? Effect.succeed(result)
        : Effect.map(read(id), (found): Swapped => (Option.isSome(found) ? conflict(found.value) : gone))
    )

const never = () => Effect.succeed(false)

/** The lists of people's sessions. */
const listsAtBoth = (name: string, from: Place, to: Place): Place => {
  const read = reading(name, from, to, never, to.destroy)
  const swapped = orElsewhere(read)
  return {
    read,
    write: (id, ...args) => swapped(id, to.write(id, ...args)),
    // Another process may begin the same list at the other place in this moment: then this one gives way.
    create: (id, payload, ttl) =>
      Effect.flatMap(to.create(id, payload, ttl), (result) =>
        result._tag === "Exists"
          ? Effect.flatMap(to.read(id), (found) =>
              Option.isSome(found) && hasLeft(found.value)
                ? Effect.map(to.write(id, payload, ttl, found.value.revision), (written) =>
                    written._tag === "Written" ? written : exists
                  )
                : Effect.succeed(result)
            )
          : Effect.flatMap(from.read(id), (found) =>
              Option.isNone(found) || !isInUse(found.value)
                ? Effect.succeed(result)
                : Effect.map(to.write(id, left, leftFor, result.revision), (written) =>
                    written._tag === "Written" ? exists : result
                  )
            )
      ),
    destroy: (id) => Effect.andThen(to.destroy(id), from.destroy(id))
  }
}

/** The provider of sessions that move from one to the other, for as long as both are in use. */
export const atBoth = (from: Provider, provider: Provider, config: SessionConfig): Provider => {
  const to = newPlace(provider, from, config)
  const { name } = to
  const marked: Provider["marked"] =
    to.marked &&
    ((id) =>
      Effect.flatMap(to.marked!(id), (mark) =>
        Option.isSome(mark) || from.marked === undefined ? Effect.succeed(mark) : from.marked(id)
      ))
  const isMarked = to.marked ? (id: StoredId) => Effect.map(to.marked!(id), Option.isSome) : never
  const read = reading(name, from, provider, isMarked, (id) => to.destroy(id, ended))
  const swapped = orElsewhere(read)
  return {
    ...to,
    read,
    write: (id, ...args) => swapped(id, to.write(id, ...args)),
    exists: (id) => Effect.map(read(id), Option.isSome),
    touch: (id, ttl) =>
      Effect.flatMap(provider.touch(id, ttl), (result) =>
        result._tag === "Touched"
          ? Effect.succeed(result)
          : Effect.flatMap(read(id), (found) =>
              Option.isSome(found) ? provider.touch(id, ttl) : Effect.succeed(result)
            )
      ),
    regenerate: (move) => swapped(move.oldId, to.regenerate(move)),
    // The mark first: where it is, nothing comes any more, so that nothing is missed at the old place.
    destroy: (id, mark) =>
      Effect.andThen(Effect.andThen(holding(provider, id, config), to.destroy(id, mark)), from.destroy(id)),
    marked,
    principals: to.principals && from.principals ? listsAtBoth(name, from.principals, to.principals) : to.principals
  }
}
