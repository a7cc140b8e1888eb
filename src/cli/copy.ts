/**
 * Copies or moves live sessions from one backend to another, with the lists of people's sessions.
 *
 * Each keeps its name and its bytes, and what is left of its lifetime. What is at the new place already stays as it is, so
 * that a copy that was interrupted can be made again.
 */
import * as Clock from "#effect/Clock"
import * as Console from "#effect/Console"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Schedule from "#effect/Schedule"
import * as Stream from "#effect/Stream"
import { toBuffer } from "../internal/bytes.js"
import { configOf } from "../layers/fromConfig.js"
import { type AtRest, makeAtRest } from "../Manager/atRest.js"
import { checkMovingOwn } from "../Manager/checks.js"
import { atBoth, isInUse, ttlLeft } from "../Manager/moving/ownLayout.js"
import { apart } from "../Manager/moving/twoPlaces.js"
import { makeTrial } from "../Manager/trial.js"
import {
  type Provider,
  type Records,
  type Revision,
  SessionProvider,
  type Stored,
  type StoredId
} from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import { json } from "../Store/Codec.js"
import { Unsound } from "./exits.js"
import { providerIn } from "./places.js"
import { makeProgress } from "./progress.js"

interface Options {
  readonly from: string
  readonly to: string
  readonly move: boolean
  readonly dryRun: boolean
}

/** How many sessions are taken at once. */
const concurrency = 64

/** Of how many sessions it is looked up afterwards whether somebody has changed them at their old place. */
const watched = 100_000

/** A backend that is away for a moment does not end a copy of an hour. */
const patiently = <A>(effect: Effect.Effect<A, SessionError>): Effect.Effect<A, SessionError> =>
  Effect.retry(effect, {
    while: ({ reason }) => reason === "Unavailable",
    schedule: Schedule.exponential("100 millis"),
    times: 8
  })

/** What became of a session or a list: it was taken, is at the new place already, has ended, or does not fit there. */
type Fate = "taken" | "there" | "gone" | "tooLarge"

interface Taken {
  readonly fate: Fate
  readonly payload?: Uint8Array
  /** Of what was copied, as it was at its old place. */
  readonly revision?: Revision
}

type Take = (id: StoredId) => Effect.Effect<Taken, SessionError>

/** The operations that sessions and lists have in common. */
type Place = Pick<Records<SessionError>, "create" | "read">

/** What `take` makes of what is at its old place. */
const found = (
  { read }: Pick<Place, "read">,
  take: (id: StoredId, stored: Stored) => Effect.Effect<Taken, SessionError>
): Take => {
  const gone: Taken = { fate: "gone" }
  return (id) =>
    Effect.flatMap(read(id), (stored) => (Option.isNone(stored) ? Effect.succeed(gone) : take(id, stored.value)))
}

const copying = (from: Place, to: Place): Take =>
  found(from, (id, stored) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.map(to.create(id, stored.payload, ttlLeft(stored, now)), ({ _tag }): Taken => {
        const { payload, revision } = stored
        return _tag === "Written" ? { fate: "taken", payload, revision } : { fate: "there", payload }
      })
    )
  )

/** Reading at both places takes it to the new one. */
const moving = (from: Place, both: Place): Take =>
  found(from, (id, stored) =>
    Effect.map(both.read(id), (moved) =>
      Option.isSome(moved) && isInUse(stored) ? { fate: "taken", payload: moved.value.payload } : { fate: "gone" }
    )
  )

/** Takes nothing. */
const looking = (from: Place, to: Place): Take =>
  found(from, (id, { payload }) =>
    Effect.map(to.read(id), (there) => ({ fate: Option.isSome(there) ? "there" : "taken", payload }))
  )

const taking = ({ dryRun, move }: Options, from: Provider, to: Provider, both: Provider) => {
  const make = (from: Place, to: Place, both: Place): Take => {
    const take = dryRun ? looking(from, to) : move ? moving(from, both) : copying(from, to)
    return (id) =>
      Effect.catchIf(
        patiently(take(id)),
        ({ reason }) => reason === "TooLarge",
        () => Effect.succeed<Taken>({ fate: "tooLarge" })
      )
  }
  return {
    session: make(from, to, both),
    list: from.principals && make(from.principals, to.principals!, both.principals!)
  }
}

/** Whose list a session is in; undefined if nobody has signed in to it, and "closed" if the keys of this app do not open it. */
const ownerOf = (atRest: AtRest, ref: StoredId, payload: Uint8Array): StoredId | "closed" | undefined => {
  const content = atRest.open("session", ref, undefined, payload)
  const data = content && json.decode(content)
  return data === undefined ? "closed" : data.owner?.principal
}

const number = (n: number): string => n.toLocaleString("en")

const sessions = (n: number): string => (n === 1 ? "1 session" : `${number(n)} sessions`)

const people = (n: number): string => (n === 1 ? "1 person" : `${number(n)} people`)

const unsupported = (message: string) => new SessionError({ reason: "Unsupported", message: `copy: ${message}` })

const takeAll = (options: Options, from: Provider, to: Provider) =>
  Effect.gen(function* () {
    const config = yield* configOf({})
    const atRest = yield* makeAtRest(config)
    const wrong = checkMovingOwn(config, from, to)
    if (wrong !== undefined) {
      return yield* wrong
    }
    if (from.list === undefined) {
      return yield* unsupported(
        `${from.name} cannot list its sessions: let them move as they are used, with SessionLayer.moving`
      )
    }
    if (atRest.byId) {
      return yield* unsupported(
        'atRest: "id": only its own client opens a session, so that nobody can find the lists of the people who have signed in: let them move as they are used, with SessionLayer.moving'
      )
    }
    if (!options.dryRun) {
      // Before anything is taken: whether the new place takes sessions, and is another one.
      yield* makeTrial(apart(to, from), config, json)
    }
    const { list, session } = taking(options, from, to, atBoth(from, to, config))
    const fates: Record<Fate, number> = { taken: 0, there: 0, gone: 0, tooLarge: 0 }
    const owners = new Set<StoredId>()
    const revisions = new Map<StoredId, Revision>()
    let closed = 0
    const total = from.count === undefined ? undefined : yield* from.count
    const progress = yield* makeProgress(total)
    let split = 0
    const takeList = (ref: StoredId) =>
      Effect.flatMap(list!(ref), ({ fate, payload }) =>
        fate === "there" && !options.dryRun
          ? Effect.map(to.principals!.read(ref), (there) => {
              split += Option.isSome(there) && !toBuffer(payload!).equals(there.value.payload) ? 1 : 0
            })
          : Effect.void
      )
    const take = (ref: StoredId) =>
      Effect.flatMap(session(ref), ({ fate, payload, revision }) => {
        fates[fate] += 1
        if (revision !== undefined && revisions.size < watched) {
          revisions.set(ref, revision)
        }
        const owner = payload && ownerOf(atRest, ref, payload)
        if (owner === "closed") {
          closed += 1
        }
        const isNew = owner !== undefined && owner !== "closed" && list !== undefined && !owners.has(owner)
        if (isNew) {
          owners.add(owner)
        }
        const done = progress(fates.taken + fates.there + fates.tooLarge)
        return isNew ? Effect.andThen(takeList(owner), done) : done
      })
    yield* Stream.runDrain(Stream.mapEffect(from.list, take, { concurrency }))
    const changed = options.move || options.dryRun ? 0 : yield* changedSince(from, revisions)

    const did = options.dryRun ? (options.move ? "Would move" : "Would copy") : options.move ? "Moved" : "Copied"
    yield* Console.log(
      [
        `${did} ${sessions(fates.taken)} from ${from.name} to ${to.name}, and the lists of ${people(owners.size)}.`,
        ...(fates.there > 0 ? [`${number(fates.there)} were there already.`] : [])
      ].join(" ")
    )
    const problems = [
      ...(fates.tooLarge > 0 ? [`${sessions(fates.tooLarge)} larger than ${to.name} takes: left where it was.`] : []),
      ...(closed > 0
        ? [
            `${sessions(closed)} cannot be opened with SESSION_AT_REST_KEYS, so that the lists of their people were not found: set the keys that the app has, and run this again.`
          ]
        : []),
      ...(split > 0
        ? [
            `${people(split)} signed in at the new place already: the lists of their sessions there do not name those that were copied, and endAll would not end them. Let the app run with SessionLayer.moving, and use --move.`
          ]
        : []),
      ...(changed > 0
        ? [
            `${sessions(changed)} changed at the old place after they were copied: the app still writes there, and these changes are not at the new one. Stop the app, empty the new place, and copy again; or let the app run with SessionLayer.moving, and use --move.`
          ]
        : [])
    ]
    yield* Effect.forEach(problems, (problem) => Console.error(`effect-session: copy: ${problem}`))
    return yield* problems.length > 0 ? Effect.fail(new Unsound()) : Effect.void
  })

/** How many of these sessions have another revision by now. One that has ended is none: nobody can use its copy's id for a change. */
const changedSince = ({ read }: Provider, revisions: ReadonlyMap<StoredId, Revision>) =>
  Effect.map(
    Effect.forEach(
      revisions,
      ([ref, revision]) =>
        Effect.map(patiently(read(ref)), (found) => Option.isSome(found) && found.value.revision !== revision),
      { concurrency }
    ),
    (changes) => changes.filter((isChanged) => isChanged).length
  )

export const copy = (options: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const from = yield* Layer.build(providerIn("--from", options.from))
      const to = yield* Layer.build(providerIn("--to", options.to))
      yield* takeAll(options, Context.get(from, SessionProvider), Context.get(to, SessionProvider))
    })
  )
