import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type SessionConfig, SessionManager, SessionStore } from "effect-session"
import * as File from "effect-session/file"
import * as Memory from "effect-session/memory"
import * as Redis from "effect-session/redis"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Scope from "#effect/Scope"
import { at } from "#test/clock"
import { describe, expect, it } from "#test/vitest"
import type { ProviderLayer } from "../identity/backends.js"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as RedisServer from "../servers/Redis.js"
import { Device, options, visiting } from "./app.js"
import { hour, minute, times } from "./model.js"

const config = (touchEvery: SessionConfig.Options["touchEvery"]): SessionConfig.Options => ({
  ...options,
  idleTimeout: 12 * hour,
  absoluteTimeout: 12 * hour,
  touchEvery,
  id: { renewEvery: times.renewEvery, grace: times.grace }
})

let people = 0

/** A process: its manager, and what its requests are answered. */
const start = (layer: ProviderLayer, options: SessionConfig.Options) =>
  Effect.gen(function* () {
    let ahead = 0
    const context = yield* Layer.build(Layer.fresh(Layer.provide(SessionManager.layer(options), Layer.fresh(layer))))
    return {
      visit: yield* visiting.pipe(
        Effect.provide(context),
        at(() => Date.now() + ahead)
      ),
      /** Lets time pass for its requests. */
      wait: (millis: number) =>
        Effect.sync(() => {
          ahead += millis
        }),
      within: <A, E>(effect: Effect.Effect<A, E, SessionManager.SessionManager>) => Effect.provide(effect, context)
    }
  })

/** Waits for the end of a session in a fiber, as a socket does. */
const waiting = ({ within }: Process, token: string) =>
  Effect.gen(function* () {
    const watched = { isOver: false }
    const session = yield* within(SessionManager.open(Device, SessionStore.sessionId(token)))
    yield* Effect.forkScoped(
      Effect.map(within(SessionManager.ended(session)), () => {
        watched.isOver = true
      })
    )
    // It looks, and waits.
    yield* Effect.sleep(200)
    return watched
  })

type Process = Effect.Success<ReturnType<typeof start>>

/** What becomes of a session in a process. Returns the cookie that leads to it then. */
type Deed = (process: Process, user: string, token: string) => Effect.Effect<string | undefined, unknown>

const tokenAfter =
  (path: string): Deed =>
  ({ visit }, user, token) =>
    Effect.map(visit(path.replace("USER", user), token), (told) => told.token)

const ends: Readonly<Record<string, Deed>> = {
  "its user signs out": tokenAfter("out"),
  "all of the person's sessions are ended": ({ within }, user) =>
    Effect.as(within(SessionManager.endAll(user)), undefined),
  "it is ended in the list": ({ within }, user) =>
    Effect.flatMap(within(SessionManager.sessionsOf(user)), ([first]) =>
      Effect.as(within(SessionManager.endSession(user, first!.ref)), undefined)
    ),
  "somebody else signs in": tokenAfter("in?user=USER-other")
}

const goesOn: Readonly<Record<string, Deed>> = {
  "gets another id for other rights": tokenAfter("renew"),
  "gets another id because of its age": ({ visit, wait }, _, token) =>
    Effect.map(Effect.andThen(wait(11 * minute), visit("look", token)), (told) => told.token),
  "is signed in to by the same person again": tokenAfter("in?user=USER")
}

/** `quick` is how long at most it may take until an end is known, in milliseconds, with time for a busy machine. */
const cases = (
  processes: Effect.Effect<readonly [waiter: Process, other: Process], unknown, Scope.Scope>,
  quick: number
): void => {
  const signedIn = Effect.gen(function* () {
    const [waiter, other] = yield* processes
    const user = `person-${people++}`
    const { token } = yield* other.visit(`in?user=${user}`)
    return { waiter, other, user, token: token!, watched: yield* waiting(waiter, token!) }
  })
  const isOver = (watched: { readonly isOver: boolean }) =>
    Effect.gen(function* () {
      for (const end = performance.now() + quick; !watched.isOver && performance.now() < end; ) yield* Effect.sleep(5)
      return watched.isOver
    })
  for (const [name, deed] of Object.entries(ends)) {
    it.live(`is over when ${name}`, () =>
      Effect.gen(function* () {
        const { other, token, user, watched } = yield* signedIn
        expect(watched.isOver).toBe(false)
        yield* deed(other, user, token)
        expect(yield* isOver(watched)).toBe(true)
      })
    )
  }
  for (const [name, deed] of Object.entries(goesOn)) {
    it.live(`is not over when the session ${name}, and is when it ends after that`, () =>
      Effect.gen(function* () {
        const { other, token, user, watched } = yield* signedIn
        const renewed = yield* deed(other, user, token)
        expect(renewed).toBeDefined()
        expect(renewed).not.toBe(token)
        yield* Effect.sleep(300)
        expect(watched.isOver).toBe(false)
        yield* other.visit("out", renewed)
        expect(yield* isOver(watched)).toBe(true)
      })
    )
  }
}

/** As seldom as it looks by itself: within that time only those who are told know of an end. */
const seldom = config("1 hour")

const same = (layer: ProviderLayer) => Effect.map(start(layer, seldom), (process) => [process, process] as const)

const two = (layer: ProviderLayer, options: SessionConfig.Options) =>
  Effect.all([start(layer, options), start(layer, options)])

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-ended-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

describe("in the same process, that is known at once", () => cases(same(Memory.layer()), 15_000))

describe("in another process, within touchEvery", () =>
  cases(
    Effect.flatMap(folder, (folder) => two(File.layer({ directory: join(folder, "sessions") }), config("100 millis"))),
    15_000
  ))

suite("in another process, at once over Redis", ["redis-server"], () => {
  const server = shared(RedisServer.single())
  cases(
    Effect.flatMap(server, ({ url }) => two(Redis.layer({ url }), seldom)),
    15_000
  )
})

it.live("is over when the session expires", () =>
  Effect.gen(function* () {
    const process = yield* start(Memory.layer(), { ...options, idleTimeout: "3 seconds" })
    const began = performance.now()
    const { token } = yield* process.visit("in?user=expires")
    const session = yield* process.within(SessionManager.open(Device, SessionStore.sessionId(token!)))
    yield* process.within(SessionManager.ended(session))
    // Timers may be a little early.
    expect(performance.now() - began).toBeGreaterThan(2_900)
  })
)
