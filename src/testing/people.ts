/**
 * Lets requests of people who sign in race each other, one of them held up before each of its calls of the backend in
 * turn, for the cases of the conformance suite.
 */
import { strict as assert } from "node:assert"
import { loggedOnFailure } from "#dialect/logs"
import * as Deferred from "#effect/Deferred"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { rest } from "../internal/machineTime.js"
import { registerOf } from "../Manager/people/owner.js"
import type * as SessionConfig from "../Manager/SessionConfig.js"
import * as SessionManager from "../Manager/SessionManager.js"
import { mapCalls, type Provider, type StoredId } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import { json, type SessionData } from "../Store/Codec.js"
import { type CaseOf, compareAndSet, defineFor, has, type Kind } from "./define.js"
import { begin, type ProbeSession, type Send, sendOver } from "./requests.js"
import { all, newId, turn, written } from "./support.js"

/** Two things that happen at once, each in a process of its own. */
export interface Race<A, B> {
  readonly one: (send: Send) => Effect.Effect<A, unknown>
  readonly other: (send: Send) => Effect.Effect<B, unknown>
  /** Looks at what has become of both. */
  readonly check: (one: A, other: B) => Effect.Effect<unknown, unknown>
}

export const race = <A, B>(race: Race<A, B>): Race<A, B> => race

/** A person, and the processes that serve them. */
export interface Person {
  readonly name: string
  /** A process whose calls are not held up. */
  readonly send: Send
  readonly signIn: (session: ProbeSession) => Effect.Effect<void, SessionError>
  /** Begins a session in which nobody has signed in, and returns its cookie. */
  readonly visitor: Effect.Effect<string>
  /** Signs in on a device that had no session, and returns its cookie. */
  readonly device: Effect.Effect<string>
  /** As {@link device}, and the session was not used for a while, so that a touch renews it. */
  readonly idleDevice: Effect.Effect<string, SessionError>
  /** As {@link device}, and the session's id is to be renewed because of its age. */
  readonly agedDevice: Effect.Effect<string, SessionError>
  readonly isSignedIn: (cookie: string | undefined) => Effect.Effect<boolean>
  /** The families of the person's live sessions in the backend, whether or not they are listed. */
  readonly live: Effect.Effect<ReadonlyArray<string>, SessionError>
  readonly listed: Effect.Effect<ReadonlyArray<string>>
  readonly endAll: (send: Send) => Effect.Effect<unknown>
}

/** Comes between a process and the backend. */
interface Delays {
  /** Before the call of this number the process stops, until it is released. */
  stop:
    | { before: number; readonly arrived: Deferred.Deferred<void>; readonly released: Deferred.Deferred<void> }
    | undefined
  /** Whether each call waits a little before and after, as chance has it. */
  random: boolean
}

/** A turn of the event loop, some milliseconds, or nothing. */
const little: Effect.Effect<void> = Effect.suspend(() => {
  const chance = Math.random()
  return chance < 0.3 ? Effect.void : chance < 0.7 ? turn : rest(Math.ceil(chance * 4))
})

const delayed = (provider: Provider, delays: Delays): Provider => {
  const before = Effect.suspend(() => {
    const { random, stop } = delays
    if (random) {
      return little
    }
    return stop !== undefined && --stop.before === 0
      ? Effect.andThen(Deferred.succeed(stop.arrived, undefined), Deferred.await(stop.released))
      : Effect.void
  })
  const after = Effect.suspend(() => (delays.random ? little : Effect.void))
  return {
    ...provider,
    ...mapCalls(
      provider,
      () => (call) =>
        Effect.andThen(
          before,
          Effect.tap(call, () => after)
        ),
      (list) => list
    ),
    capabilities: { ...provider.capabilities, inProcess: false }
  }
}

/** Notes under which ids sessions are stored. */
const noting = (provider: Provider, ids: Set<StoredId>): Provider => ({
  ...provider,
  create: (id, ...rest) => {
    ids.add(id)
    return provider.create(id, ...rest)
  },
  regenerate: (move) => {
    ids.add(move.newId)
    return provider.regenerate(move)
  }
})

const makePerson = (provider: Provider, ids: ReadonlySet<StoredId>, send: Send): Person => {
  const name = newId()
  const register = registerOf(name)
  const signIn = (session: ProbeSession) => session.signIn(name)
  const device = Effect.map(send(undefined, signIn), ({ cookie }) => cookie!)
  const read = Effect.map(
    Effect.suspend(() => all([...ids].map((id) => Effect.map(provider.read(id), (stored) => ({ id, stored }))))),
    (found) =>
      found.flatMap(({ id, stored }) => {
        const data = Option.isNone(stored) ? undefined : json.decode(stored.value.payload)
        return data?.owner?.principal === register && Option.isSome(stored) ? [{ id, data, stored: stored.value }] : []
      })
  )
  /** A device whose session was stored ten minutes ago, in this form. */
  const since = (form: (data: SessionData) => SessionData) =>
    Effect.gen(function* () {
      const cookie = yield* device
      const { data, id, stored } = (yield* read).at(-1)!
      const payload = json.encode(form(data)) as Uint8Array
      written(yield* provider.write(id, payload, Duration.minutes(20), stored.revision))
      return cookie
    })
  return {
    name,
    send,
    signIn,
    visitor: begin({ send }),
    device,
    idleDevice: since((data) => data),
    agedDevice: since((data) => ({ ...data, idMadeAt: data.createdAt! - 86_400_000 })),
    isSignedIn: (cookie) =>
      cookie === undefined
        ? Effect.succeed(false)
        : Effect.map(
            send(cookie, (session) => Effect.map(session.principal, (who) => Option.getOrNull(who) === name)),
            ({ body }) => body === true
          ),
    live: Effect.map(read, (found) => found.map(({ data }) => data.owner!.family).sort()),
    listed: Effect.map(
      send(undefined, () => Effect.map(SessionManager.sessionsOf(name), (found) => found.map(({ ref }) => ref).sort())),
      ({ body }) => body as ReadonlyArray<string>
    ),
    endAll: (send) =>
      Effect.map(
        send(undefined, () => SessionManager.endAll(name)),
        ({ status }) => assert.equal(status, 200)
      )
  }
}

/** What is live is listed, what is listed is live, and when all are ended none is left. */
export const assertListed = (person: Person) =>
  Effect.gen(function* () {
    assert.deepEqual(yield* person.live, yield* person.listed, "the live sessions are not those that are listed")
    yield* person.endAll(person.send)
    assert.deepEqual(yield* person.live, [], "a session is live after endAll")
    assert.deepEqual(yield* person.listed, [], "a session is listed after endAll")
  })

/** How many times a race is run with delays by chance. */
const byChance = 2

/** More calls than any of the racers makes. */
const mostCalls = 40

/** Runs `one` up to one of its calls, then all of `other`, and then the rest of `one`. False if there was no such call. */
const around = <A, B>(
  delays: Delays,
  before: number,
  one: Effect.Effect<A, unknown>,
  other: Effect.Effect<B, unknown>
): Effect.Effect<{ readonly one: A; readonly other: B; readonly stopped: boolean }, unknown> =>
  Effect.gen(function* () {
    const stop = {
      before,
      arrived: yield* Deferred.make<void>(),
      released: yield* Deferred.make<void>()
    }
    delays.stop = stop
    const results = yield* Effect.all(
      [
        Effect.ensuring(one, Deferred.succeed(stop.arrived, undefined)),
        Effect.andThen(Deferred.await(stop.arrived), Effect.ensuring(other, Deferred.succeed(stop.released, undefined)))
      ],
      { concurrency: "unbounded" }
    )
    delays.stop = undefined
    return { one: results[0], other: results[1], stopped: stop.before <= 0 }
  })

export interface Options extends Kind {
  readonly config?: SessionConfig.Options
  /** False if the two only run with delays by chance, since they make many calls. */
  readonly stepwise?: boolean
}

/**
 * Defines a case in which two things happen at once: one is stopped before each of its calls of the backend in turn,
 * while all of the other happens; the same with the two exchanged; and both with delays by chance. `prepare` makes the
 * race anew for each. Afterwards the live sessions are those that are listed, and all of them can be ended.
 */
export const defineRace = <A, B>(
  name: string,
  prepare: (person: Person) => Effect.Effect<Race<A, B>, unknown>,
  { config = {}, needs = [], stepwise = true, ...kind }: Options = {}
): CaseOf =>
  defineFor("people's sessions can be ended")(
    name,
    (provider) =>
      Effect.gen(function* () {
        const ids = new Set<StoredId>()
        const noted = noting(provider, ids)
        const delays: readonly [Delays, Delays] = [
          { stop: undefined, random: false },
          { stop: undefined, random: false }
        ]
        const options = { ...config, principals: { bestEffort: true, ...config.principals } }
        const [here, there] = yield* Effect.all([
          sendOver(delayed(noted, delays[0]), options),
          sendOver(delayed(noted, delays[1]), options)
        ])
        const round = <C extends { readonly one: A; readonly other: B }>(
          where: string,
          run: (race: Race<A, B>) => Effect.Effect<C, unknown>
        ) =>
          Effect.gen(function* () {
            ids.clear()
            const person = makePerson(provider, ids, here)
            const race = yield* prepare(person)
            const result = yield* run(race)
            yield* race.check(result.one, result.other)
            yield* assertListed(person)
            return result
          }).pipe(Effect.onError(() => Effect.logError(`${name}: ${where}`)))
        const stopping = (
          where: string,
          run: (race: Race<A, B>, before: number) => ReturnType<typeof around<A, B>>,
          before = 1
        ): Effect.Effect<void, unknown> =>
          Effect.flatMap(
            round(`${where} is stopped before call ${before}`, (race) => run(race, before)),
            ({ stopped }) => {
              assert.ok(before < mostCalls, "a request makes ever more calls")
              return stopped ? stopping(where, run, before + 1) : Effect.void
            }
          )
        if (stepwise) {
          yield* stopping("the one", ({ one, other }, before) => around(delays[0], before, one(here), other(there)))
          yield* stopping("the other", ({ one, other }, before) =>
            Effect.map(around(delays[1], before, other(there), one(here)), ({ one, other, stopped }) => ({
              one: other,
              other: one,
              stopped
            }))
          )
        }
        const setRandom = (random: boolean) =>
          Effect.sync(() => {
            for (const one of delays) one.random = random
          })
        for (let i = 0; i < byChance; i++) {
          yield* round("delays by chance", ({ one, other }) =>
            Effect.gen(function* () {
              yield* setRandom(true)
              const [first, second] = yield* Effect.all([one(here), other(there)], { concurrency: "unbounded" })
              yield* setRandom(false)
              return { one: first, other: second }
            })
          )
        }
      }).pipe(Effect.scoped, loggedOnFailure),
    { needs: [has("principals"), compareAndSet, ...needs], ...kind }
  )
