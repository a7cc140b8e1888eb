/**
 * Copies or moves live sessions from one backend to another, with the lists of people's sessions.
 *
 * Each keeps its name and its bytes, and what is left of its lifetime. What is at the new place already stays as it is, so
 * that a copy that was interrupted can be made again.
 */
import * as Console from "#effect/Console"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { configOf } from "../layers/fromConfig.js"
import { type AtRest, makeAtRest } from "../Manager/atRest.js"
import { checkMovingOwn } from "../Manager/checks.js"
import { atBoth, isComing, isInUse } from "../Manager/moving/ownLayout.js"
import { apart } from "../Manager/moving/twoPlaces.js"
import type { SessionConfig } from "../Manager/SessionConfig.js"
import { makeTrial } from "../Manager/trial.js"
import { type Provider, SessionProvider, type StoredId } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import { json } from "../Store/Codec.js"
import { Unsound } from "./exits.js"
import { providerIn } from "./places.js"
import { makeProgress } from "./progress.js"
import { copying, looking, moving, type Place, patiently, type Take } from "./taking.js"
import { type Options, Tally } from "./tally.js"

/** How many sessions are taken at once. */
const concurrency = 64

/** Whose list a session is in; undefined if nobody has signed in to it, and "closed" if the keys of this app do not open it. */
const ownerOf = (atRest: AtRest, ref: StoredId, payload: Uint8Array): StoredId | "closed" | undefined => {
  const content = atRest.open("session", ref, undefined, payload)
  const data = content && json.decode(content)
  return data === undefined ? "closed" : data.owner?.principal
}

const unsupported = (message: string) => new SessionError({ reason: "Unsupported", message: `copy: ${message}` })

/** Fails if sessions cannot be taken, or not all that belongs to them. */
const checked = ({ dryRun }: Options, from: Provider, to: Provider, config: SessionConfig, atRest: AtRest) => {
  const wrong = checkMovingOwn(config, from, to)
  return wrong !== undefined
    ? wrong
    : from.list === undefined
      ? unsupported(`${from.name} cannot list its sessions: let them move as they are used, with SessionLayer.moving`)
      : atRest.byId
        ? unsupported(
            'atRest: "id": only its own client opens a session, so that nobody can find the lists of the people who have signed in: let them move as they are used, with SessionLayer.moving'
          )
        : dryRun
          ? Effect.void
          : // Before anything is taken: whether the new place takes sessions, and is another one.
            makeTrial(apart(to, from), config, json)
}

/** Takes all sessions, and the lists of the people in them. */
const takeAll = (options: Options, from: Provider, to: Provider) =>
  Effect.gen(function* () {
    const config = yield* configOf({})
    const atRest = yield* makeAtRest(config)
    yield* checked(options, from, to, config, atRest)
    const both = atBoth(from, to, config)
    const make = (from: Place, to: Place, both: Place): Take =>
      options.dryRun ? looking(from, to) : options.move ? moving(from, both) : copying(from, to)
    const take = make(from, to, both)
    const takeList = from.principals && make(from.principals, to.principals!, both.principals!)
    const tally = new Tally()
    const progress = yield* makeProgress(from.count && (yield* from.count))
    const takeListOf = (ref: StoredId, payload: Uint8Array) => {
      const owner = ownerOf(atRest, ref, payload)
      return takeList !== undefined && tally.isNew(ref, owner)
        ? Effect.map(takeList(owner), ({ fate }) => tally.list(fate, options))
        : Effect.void
    }
    const one = (ref: StoredId) =>
      Effect.flatMap(take(ref), ({ fate, stored }) => {
        tally.session(ref, fate, stored)
        return Effect.andThen(
          stored !== undefined && isInUse(stored) ? takeListOf(ref, stored.payload) : Effect.void,
          progress(tally.done)
        )
      })
    /** A session that has moved with a request, whose person's list may not have; or that a process has left on its way. */
    const complete = (ref: StoredId) =>
      Effect.flatMap(patiently(to.read(ref)), (found) => {
        const stored = Option.getOrUndefined(found)
        if (stored === undefined || !isComing(stored)) {
          return stored !== undefined && isInUse(stored) ? takeListOf(ref, stored.payload) : Effect.void
        }
        return Effect.flatMap(options.dryRun ? Effect.succeed(found) : patiently(both.read(ref)), (arrived) => {
          tally.session(ref, Option.isSome(arrived) ? "taken" : "gone", stored)
          return Option.isSome(arrived) ? takeListOf(ref, stored.payload.subarray(1)) : Effect.void
        })
      })
    yield* Stream.runDrain(Stream.mapEffect(from.list!, one, { concurrency }))
    if (options.move && to.list !== undefined) {
      yield* Stream.runDrain(Stream.mapEffect(to.list, complete, { concurrency }))
    }
    if (!options.move && !options.dryRun) {
      yield* Effect.forEach(
        tally.taken,
        ([ref, before]) =>
          Effect.map(patiently(from.read(ref)), (now) => tally.later(before, Option.getOrUndefined(now))),
        { concurrency, discard: true }
      )
    }
    const { problems, summary } = tally.report(options, from, to)
    yield* Console.log(summary)
    yield* Effect.forEach(problems, (problem) => Console.error(`effect-session: copy: ${problem}`))
    return yield* problems.length > 0 ? Effect.fail(new Unsound()) : Effect.void
  })

export const copy = (options: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const from = yield* Layer.build(providerIn("--from", options.from))
      const to = yield* Layer.build(providerIn("--to", options.to))
      yield* takeAll(options, Context.get(from, SessionProvider), Context.get(to, SessionProvider))
    })
  )
