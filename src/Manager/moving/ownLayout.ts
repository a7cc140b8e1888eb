/**
 * Moves sessions of this library's own layout from one backend to another: a provider over both, to which a session, or the
 * list of a person's sessions, moves when it is first read. Each is the same bytes under the same name at both.
 *
 * A record is in use at one place at a time, even while other processes move it the other way, so that an app can change
 * over one process after the other. Each step is one compare-and-set: it is stored at the new place as one that is coming,
 * which nobody uses; replaced at the old one by a note that it has left; and then in use at the new one. Whoever meets a
 * record between two of these steps takes the next one, so that it does not matter which process began, or whether it has died.
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
  type Written,
  written
} from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import type { SessionConfig } from "../configSchema.js"
import { maxAttempts, pauseAfter } from "../Turns.js"
import { holding, newPlace, placeholder } from "./twoPlaces.js"

/** What sessions and lists have in common. */
type Place = Records<SessionError>

/** The first byte of what is no record in use; theirs is another, and so is that of the `placeholder`. */
const [leftFlag, comingFlag] = [1, 2]

/** What a record leaves at its old place, for long enough that whoever has just looked at the other one learns of it. */
const left = Buffer.of(leftFlag)
const leftFor = Duration.seconds(5)

/** After how many looks what has left, and is nowhere, has ended: those take some 30 ms, a move two calls. */
const mostLooks = 4

const hasLeft = ({ payload }: Stored): boolean => payload[0] === leftFlag

/** Whether it is stored already, and not yet in use. */
export const isComing = ({ payload }: Stored): boolean => payload[0] === comingFlag

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

/** Makes a record that was coming to `place` one in use. None if others came first. */
const arrive = (place: Place, id: StoredId, coming: Stored) =>
  Effect.clockWith((clock) => {
    const payload = coming.payload.subarray(1)
    return Effect.map(
      place.write(id, payload, ttlLeft(coming, millisOf(clock)), coming.revision),
      (result): Option.Option<Stored> =>
        result._tag === "Written" ? Option.some({ ...result, payload }) : Option.none()
    )
  })

/** Takes back what was coming to `place`, unless others have changed it. */
const takeBack = (place: Place, id: StoredId, { revision }: Pick<Stored, "revision">) =>
  place.write(id, placeholder, leftFor, revision)

/** Reads what is in use, at the new place, and takes it there if it is elsewhere. */
const reading = (
  name: string,
  from: Place,
  to: Place,
  marked: (id: StoredId) => Effect.Effect<boolean, SessionError>
): Place["read"] => {
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

  /** Makes a record that was coming here one in use. */
  const arriveHere = (
    id: StoredId,
    coming: Stored,
    again: Effect.Effect<Option.Option<Stored>, SessionError>
  ): Effect.Effect<Option.Option<Stored>, SessionError> =>
    Effect.flatMap(arrive(to, id, coming), (arrived) => (Option.isSome(arrived) ? Effect.succeed(arrived) : again))

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
                return arriveHere(id, coming.value, again)
              case "Gone":
                // It has ended, or has moved so long ago that the note of it is gone: then it is not what is coming here.
                return Effect.flatMap(takeBack(to, id, coming.value), ({ _tag }) =>
                  _tag === "Written" ? Effect.succeedNone : again
                )
              case "Conflict":
                return again
            }
          })
    )

  /** What is coming to `place` may be left of a move that met the end of the session, and of which nobody saw the rest. */
  const unlessEnded = (
    place: Place,
    id: StoredId,
    then: Effect.Effect<Option.Option<Stored>, SessionError>
  ): Effect.Effect<Option.Option<Stored>, SessionError> =>
    Effect.flatMap(marked(id), (hasEnded) => (hasEnded ? Effect.andThen(place.destroy(id), Effect.succeedNone) : then))

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
          return there !== undefined && isComing(there)
            ? // Two processes begin the same list at both places: neither has been told that it is there.
              Effect.andThen(takeBack(to, id, here), again)
            : unlessEnded(to, id, arriveHere(id, here, again))
        }
        if (there !== undefined && isComing(there)) {
          // What was read here first may have come since, and be on its way back only now.
          return Effect.flatMap(to.read(id), (latest) =>
            Option.exists(latest, (stored) => isInUse(stored) || isComing(stored))
              ? again
              : unlessEnded(from, id, Effect.andThen(arrive(from, id, there), again))
          )
        }
        if (here === undefined && there === undefined) {
          // It may have come between the two.
          return Effect.map(to.read(id), Option.filter(isInUse))
        }
        // What has left is on its way, unless it has ended. What has left both places moved between the two reads.
        const isOnItsWay = attempt <= mostLooks || [here, there].every((place) => place !== undefined && hasLeft(place))
        return Effect.flatMap(marked(id), (hasEnded) => (hasEnded || !isOnItsWay ? Effect.succeedNone : again))
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
  const read = reading(name, from, to, never)
  const swapped = orElsewhere(read)

  /** Ends the beginning of a list that is coming: another process may begin it at the other place at the same time. */
  const begun = (id: StoredId, coming: Stored): Effect.Effect<Written | Exists, SessionError> =>
    Effect.flatMap(from.read(id), (found) =>
      Option.exists(found, (there) => isInUse(there) || isComing(there))
        ? Effect.as(takeBack(to, id, coming), exists)
        : Effect.map(arrive(to, id, coming), (arrived) =>
            Option.isSome(arrived) ? written(arrived.value.revision, arrived.value.expiresAt) : exists
          )
    )

  return {
    read,
    write: (id, ...args) => swapped(id, to.write(id, ...args)),
    create: (id, own, ttl) => {
      const payload = asComing(own)
      const begin = (result: Written | Exists | Conflict | Gone) =>
        result._tag === "Written" ? begun(id, { ...result, payload }) : Effect.succeed(exists)
      return Effect.flatMap(to.create(id, payload, ttl), (result) =>
        result._tag === "Written"
          ? begin(result)
          : Effect.flatMap(Effect.zip(to.read(id), read(id)), ([before, found]) =>
              // Nothing is on its way to where the last one has left, or it would have been found.
              Option.isNone(found) && Option.isSome(before) && !isInUse(before.value) && !isComing(before.value)
                ? Effect.flatMap(to.write(id, payload, ttl, before.value.revision), begin)
                : Effect.succeed(exists)
            )
      )
    },
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
  const isMarked = marked ? (id: StoredId) => Effect.map(marked(id), Option.isSome) : never
  const read = reading(name, from, provider, isMarked)
  const touch = (id: StoredId, ttl: Duration.Duration, attempt = 1): ReturnType<Provider["touch"]> =>
    Effect.flatMap(provider.touch(id, ttl), (result) =>
      // What has left can be touched too, which prolongs nothing.
      Effect.flatMap(result._tag === "Touched" ? provider.read(id) : Effect.succeedNone, (here) =>
        Option.exists(here, isInUse)
          ? Effect.succeed(result)
          : Effect.flatMap(
              read(id),
              (found): ReturnType<Provider["touch"]> =>
                Option.isNone(found)
                  ? Effect.succeed(gone)
                  : attempt === maxAttempts
                    ? interfered(name)
                    : touch(id, ttl, attempt + 1)
            )
      )
    )
  const swapped = orElsewhere(read)
  return {
    ...to,
    capabilities: {
      ...to.capabilities,
      // A session has to fit at both, with a byte more while it is coming.
      maxPayload: Math.min(to.capabilities.maxPayload, from.capabilities.maxPayload) - 1,
      expirySlack: Math.max(to.capabilities.expirySlack, from.capabilities.expirySlack),
      evicts: to.capabilities.evicts === true || from.capabilities.evicts === true
    },
    read,
    write: (id, ...args) => swapped(id, to.write(id, ...args)),
    exists: (id) => Effect.map(read(id), Option.isSome),
    touch: (id, ttl) => touch(id, ttl),
    regenerate: (move) => swapped(move.oldId, to.regenerate(move)),
    // The mark first: where it is, nothing comes any more, so that nothing is missed at the old place.
    destroy: (id, mark) =>
      Effect.andThen(Effect.andThen(holding(provider, id, config), to.destroy(id, mark)), from.destroy(id)),
    marked,
    principals: to.principals && from.principals ? listsAtBoth(name, from.principals, to.principals) : to.principals
  }
}
