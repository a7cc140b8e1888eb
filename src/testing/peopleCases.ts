/**
 * Conformance: people who sign in, whose ids are renewed and whose sessions are ended, all at once, through the manager.
 */
import { strict as assert } from "node:assert"
import * as Effect from "#effect/Effect"
import * as SessionManager from "../Manager/SessionManager.js"
import type { SessionError } from "../SessionError.js"
import { type CaseOf, has } from "./define.js"
import { defineRace, type Person, race } from "./people.js"
import { type Answer, increment, type ProbeSession, range, read, type Send } from "./requests.js"
import { all } from "./support.js"

type Use = (session: ProbeSession) => Effect.Effect<unknown, SessionError, SessionManager.SessionManager>

/** Ids are renewed because of their age, and the old ones lead to the session for a while. */
const renewing = { config: { id: { renewEvery: "1 hour", grace: "1 minute" } }, needs: [has("marked")] } as const

const regenerate: Use = (session) => session.regenerate
const touch: Use = (session) => session.touch
const signOut: Use = (session) => session.signOut

const assertSignedIn = (person: Person, cookie: string | undefined, expected: boolean) =>
  Effect.map(person.isSignedIn(cookie), (isIn) => assert.equal(isIn, expected, "whether a cookie is signed in"))

const assertLive = (person: Person, expected: number) =>
  Effect.map(person.live, ({ length }) => assert.equal(length, expected, "how many sessions are live"))

/** A device uses its session while all of the person's sessions are ended: none of its ids is signed in after that. */
const besideEndAll =
  (use: Use, device: "device" | "idleDevice" | "agedDevice" = "device") =>
  (person: Person) =>
    Effect.gen(function* () {
      yield* person.device
      const old = yield* person[device]
      return race({
        one: (send) => send(old, use),
        other: person.endAll,
        check: ({ cookie }) =>
          Effect.gen(function* () {
            yield* assertSignedIn(person, cookie, false)
            yield* assertSignedIn(person, old, false)
            yield* assertLive(person, 0)
          })
      })
    })

/** A person signs in while all of their sessions are ended: this one is live and listed, or neither. */
const signInBesideEndAll = (device: "device" | "visitor") => (person: Person) =>
  Effect.gen(function* () {
    const other = yield* person.device
    const old = yield* person[device]
    return race({
      one: (send) => send(old, person.signIn),
      other: person.endAll,
      check: ({ cookie, status }) =>
        Effect.gen(function* () {
          assert.equal(status, 200)
          yield* assertLive(person, (yield* person.isSignedIn(cookie)) ? 1 : 0)
          yield* assertSignedIn(person, old, false)
          yield* assertSignedIn(person, other, false)
        })
    })
  })

/** Two sign-ins at once: both are live and listed. */
const bothListed = (person: Person, cookie: string | undefined) =>
  race({
    one: (send) => send(cookie, person.signIn),
    other: (send) => send(cookie, person.signIn),
    check: (one, other) =>
      Effect.gen(function* () {
        yield* assertSignedIn(person, one.cookie, true)
        yield* assertSignedIn(person, other.cookie, true)
        assert.equal((yield* person.listed).length, 2)
      })
  })

/** As many sign-ins at once in each of the processes: one session is live and listed, and all or one were told so. */
const oneStays = (person: Person, times: number, refused: number) => {
  const signIns = (send: Send) => all(range.slice(0, times).map(() => send(undefined, person.signIn)))
  return race({
    one: signIns,
    other: signIns,
    check: (one, other) =>
      Effect.gen(function* () {
        const answers = [...one, ...other]
        assert.equal(answers.filter(({ status }) => status === 200).length, answers.length - refused)
        assert.equal(answers.filter(({ status }) => status === 403).length, refused)
        const signedIn = yield* Effect.filter(answers, ({ cookie }) => person.isSignedIn(cookie))
        assert.equal(signedIn.length, 1, "how many are signed in")
        assert.equal((yield* person.listed).length, 1, "how many are listed")
      })
  })
}

const reasonOf = (person: Person, cookie: string, use: Use) =>
  Effect.gen(function* () {
    let reason: unknown
    yield* person.send(cookie, (session) =>
      Effect.tapError(use(session), (error) =>
        Effect.sync(() => {
          reason = error.reason
        })
      )
    )
    return reason
  })

const lateWrite = (person: Person) =>
  Effect.map(person.visitor, (old) =>
    race({
      one: (send) => send(old, increment),
      other: (send) => send(old, person.signIn),
      check: (late, signedIn) =>
        Effect.gen(function* () {
          const refused: Answer = { status: 503, body: undefined, cookie: old }
          const isKept = late.status === 200
          assert.deepEqual(late, isKept ? { status: 200, body: 1, cookie: old } : refused)
          assert.deepEqual(yield* person.send(old, increment), refused)
          assert.deepEqual(yield* person.send(old, (session) => session.isNew), {
            status: 200,
            body: true,
            cookie: old
          })
          const saving: Use = (session) => Effect.andThen(increment(session), session.save)
          assert.equal(yield* reasonOf(person, old, saving), "Gone")
          yield* assertSignedIn(person, signedIn.cookie, true)
          assert.equal((yield* person.send(signedIn.cookie, read)).body, isKept ? 1 : 0)
        })
    })
  )

/** A device whose id is due to be renewed sends two requests. */
const twoRequests =
  <A>(
    use: Use,
    other: (send: Send, old: string) => Effect.Effect<A, unknown>,
    check: (
      person: Person,
      found: { readonly old: string; readonly one: Answer; readonly other: A }
    ) => Effect.Effect<unknown, unknown>
  ) =>
  (person: Person) =>
    Effect.map(person.agedDevice, (old) =>
      race({
        one: (send) => send(old, use),
        other: (send) => other(send, old),
        check: (one, other) => check(person, { old, one, other })
      })
    )

export const peopleCases: ReadonlyArray<CaseOf> = [
  defineRace("a sign-in beside endAll is listed, or over", signInBesideEndAll("visitor")),
  defineRace("a second sign-in of a session beside endAll is listed, or over", signInBesideEndAll("device")),
  defineRace("a touch beside endAll brings nothing back", besideEndAll(touch, "idleDevice")),
  ...[
    { how: "", options: {} },
    { how: ", if ids are renewed", options: renewing }
  ].flatMap(({ how, options }) => [
    defineRace(`a write beside endAll brings nothing back${how}`, besideEndAll(increment), options),
    defineRace(`a regenerate beside endAll leaves nothing${how}`, besideEndAll(regenerate), options)
  ]),

  defineRace("a renewal beside endAll leaves nothing", besideEndAll(read, "agedDevice"), renewing),
  defineRace("a renewal with a write beside endAll leaves nothing", besideEndAll(increment, "agedDevice"), renewing),

  defineRace(
    "the renewal of one device beside endOthers of another leaves only the other",
    (person) =>
      Effect.gen(function* () {
        const own = yield* person.device
        const old = yield* person.agedDevice
        return race({
          one: (send) => send(old, read),
          other: (send) => send(own, SessionManager.endOthers),
          check: ({ cookie }) =>
            Effect.gen(function* () {
              yield* assertSignedIn(person, own, true)
              yield* assertSignedIn(person, cookie, false)
              yield* assertSignedIn(person, old, false)
              yield* assertLive(person, 1)
            })
        })
      }),
    renewing
  ),

  defineRace("two devices that sign in at once are both listed", (person) =>
    Effect.succeed(bothListed(person, undefined))
  ),
  defineRace("two sign-ins of one visitor at once are two sessions, and both are listed", (person) =>
    Effect.map(person.visitor, (old) => bothListed(person, old))
  ),

  defineRace("with a cap of 1, one of 2 sign-ins at once stays", (person) => Effect.succeed(oneStays(person, 1, 0)), {
    config: { principals: { max: 1 } }
  }),
  defineRace(
    "with a cap of 1, one of 2 sign-ins at once is refused",
    (person) => Effect.succeed(oneStays(person, 1, 1)),
    {
      config: { principals: { max: 1, whenExceeded: "refuse" } }
    }
  ),
  defineRace("with a cap of 1, one of 20 sign-ins at once stays", (person) => Effect.succeed(oneStays(person, 10, 0)), {
    config: { principals: { max: 1 } },
    stepwise: false,
    exclusive: true
  }),
  defineRace(
    "with a cap of 1, the renewal of a session beside the sign-in that ends it leaves nothing",
    (person) =>
      Effect.map(person.agedDevice, (old) =>
        race({
          one: (send) => send(old, read),
          other: (send) => send(undefined, person.signIn),
          check: (one, other) =>
            Effect.gen(function* () {
              yield* assertSignedIn(person, other.cookie, true)
              yield* assertSignedIn(person, one.cookie, false)
              yield* assertLive(person, 1)
            })
        })
      ),
    { ...renewing, config: { ...renewing.config, principals: { max: 1 } } }
  ),

  defineRace(
    "a request that comes with an id that a sign-in replaced begins no session, sets no cookie, and fails with Gone",
    lateWrite,
    { needs: [has("marked")] }
  ),

  defineRace(
    "two requests that renew one id at once go on in one session, and the old id finds it for a while",
    twoRequests(
      increment,
      (send, old) => send(old, increment),
      (person, { old, one, other }) =>
        Effect.gen(function* () {
          assert.deepEqual([one.status, other.status], [200, 200])
          assert.notEqual(one.cookie, old, "the id was not renewed")
          assert.equal(other.cookie, one.cookie)
          yield* assertLive(person, 1)
          assert.deepEqual(yield* person.send(old, increment), { status: 200, body: 3, cookie: one.cookie })
          assert.equal((yield* person.send(one.cookie, read)).body, 3)
        })
    ),
    renewing
  ),
  defineRace(
    "a sign-out beside a renewal ends the session under both ids",
    twoRequests(
      read,
      (send, old) => send(old, signOut),
      (person, { old, one }) =>
        Effect.gen(function* () {
          yield* assertSignedIn(person, one.cookie, false)
          yield* assertSignedIn(person, old, false)
          yield* assertLive(person, 0)
        })
    ),
    renewing
  ),
  ...[
    { name: "a regenerate", use: () => regenerate },
    { name: "a second sign-in", use: ({ signIn }: Person): Use => signIn }
  ].map(({ name, use }) =>
    defineRace(
      `a renewal that is listed after ${name} with its new id leaves that listed`,
      (person) =>
        twoRequests(
          read,
          (send, old) => Effect.flatMap(send(old, read), ({ cookie }) => send(cookie, use(person))),
          (person, { other }) => Effect.andThen(assertSignedIn(person, other.cookie, true), assertLive(person, 1))
        )(person),
      renewing
    )
  )
]
