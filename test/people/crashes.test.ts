/**
 * Random histories of processes that stop after some call of their backend, again and again: what a client can use is
 * always in the list, and what was told before all of a person's sessions were ended is of no use for ever.
 */
import { SessionManager, SessionProvider, SessionStore } from "effect-session"
import * as Memory from "effect-session/memory"
import * as FastCheck from "fast-check"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { at } from "#test/clock"
import { expect, it } from "#test/vitest"
import { soak, soakMillis } from "../support/soak.js"
import { Device, options, type Shown, visiting } from "./app.js"
import { hour, minute, times } from "./model.js"
import { users } from "./play.js"

const actions = ["look", "write", "in", "in", "renew", "out", "others", "all"] as const

const step = FastCheck.record({
  action: FastCheck.constantFrom(...actions),
  browser: FastCheck.nat(2),
  user: FastCheck.constantFrom(...users),
  /** After how many calls of its backend the process stops. */
  stopsAfter: FastCheck.oneof(FastCheck.constant(undefined), FastCheck.integer({ min: 1, max: 8 })),
  /** How much time has passed before. */
  pause: FastCheck.constantFrom(0, 0, 5_003, 31_013, 61_027, 11 * minute + 17, 2 * hour),
  /** How many cookies ago the browser had the one that it sends. */
  old: FastCheck.constantFrom(0, 0, 0, 1),
  /** Whether everything is looked at afterwards: that tidies up. */
  looks: FastCheck.constantFrom(false, false, true)
})

const histories = FastCheck.record({
  steps: FastCheck.array(step, { minLength: 1, maxLength: 15, size: "max" }),
  max: FastCheck.constantFrom(1000, 2)
})

type History = typeof histories extends FastCheck.Arbitrary<infer A> ? A : never

/** A process over this backend, which stops after so many calls: the backend does not answer any more. */
const process = (memory: SessionProvider.Provider, calls: number, max: number) => {
  const stopped = Effect.runSync(Deferred.make<Option.Option<never>>())
  let left = calls
  const lethal = (operations: any): any =>
    Object.fromEntries(
      Object.entries<any>(operations).map(([name, operation]) => [
        name,
        typeof operation !== "function"
          ? operation
          : (...args: ReadonlyArray<unknown>) =>
              Effect.suspend(() =>
                left <= 0
                  ? Effect.never
                  : Effect.flatMap(operation(...args), (result) =>
                      --left > 0
                        ? Effect.succeed(result)
                        : Effect.andThen(Deferred.succeed(stopped, Option.none()), Effect.never)
                    )
              )
      ])
    )
  const provider: SessionProvider.Provider = {
    ...lethal(memory),
    principals: lethal(memory.principals),
    capabilities: { ...memory.capabilities, inProcess: false }
  }
  const manager = SessionManager.make({
    ...options,
    timeout: "1 day",
    idleTimeout: 12 * hour,
    absoluteTimeout: 12 * hour,
    touchEvery: "1 second",
    id: { renewEvery: times.renewEvery, grace: times.grace },
    principals: { max }
  }).pipe(Effect.provideService(SessionProvider.SessionProvider, provider))
  /** The result is none if the process has stopped. What it did is not interrupted: nothing is tidied up. */
  return <A, E>(effect: Effect.Effect<A, E, SessionManager.SessionManager>) =>
    Effect.flatMap(Deferred.make<A, unknown>(), (done) =>
      manager.pipe(
        Effect.flatMap((manager) => Effect.provideService(effect, SessionManager.SessionManager, manager)),
        Effect.matchCauseEffect({
          onFailure: (cause) => Deferred.failCause(done, cause),
          onSuccess: (result) => Deferred.succeed(done, result)
        }),
        Effect.forkDetach,
        Effect.andThen(Effect.raceFirst(Effect.asSome(Deferred.await(done)), Deferred.await(stopped)))
      )
    )
}

const play = ({ max, steps }: History) => {
  let passed = 0
  const start = Date.now()
  const memory = Memory.make()
  /** In a process that does not stop. */
  const whole = <A, E>(effect: Effect.Effect<A, E, SessionManager.SessionManager>) =>
    Effect.map(process(memory, Number.POSITIVE_INFINITY, max)(effect), Option.getOrThrow)
  const held: ReadonlyArray<Array<string>> = [[], [], []]
  const told = new Set<string>()
  /** What was told before all sessions of a person were ended. */
  const dead = new Map<string, ReadonlySet<string>>()

  const userBehind = (token: string) =>
    SessionManager.open(Device, SessionStore.sessionId(token)).pipe(
      Effect.flatMap(({ principal }) => principal),
      Effect.map(Option.getOrUndefined),
      Effect.catch(() => Effect.succeed(undefined))
    )

  const lookAtAll = whole(
    Effect.gen(function* () {
      const visit = yield* visiting
      const shown = new Map<string, ReadonlyArray<string>>()
      for (const user of users) {
        shown.set(
          user,
          (yield* SessionManager.sessionsOf(user)).map(({ ref }) => ref)
        )
        expect(shown.get(user)!.length).toBeLessThanOrEqual(max)
      }
      for (const token of told) {
        const user = yield* userBehind(token)
        if (user !== undefined) {
          expect(dead.get(user)?.has(token)).not.toBe(true)
          const { body, token: next } = yield* visit(`list?user=${user}`, token)
          const current = (JSON.parse(body) as ReadonlyArray<Shown>).find(({ isCurrent }) => isCurrent)
          expect(shown.get(user)).toContain(current?.ref)
          if (next !== undefined) told.add(next)
        }
      }
    })
  )

  const endAll = (user: string) => Effect.as(SessionManager.endAll(user), undefined)

  const visitOf = ({ action, browser, old, user }: History["steps"][number]) => {
    const cookies = held[browser]!
    const token = cookies[Math.max(cookies.length - 1 - old, 0)] || undefined
    return Effect.map(
      Effect.flatMap(visiting, (visit) => visit(`${action}?user=${user}`, token)),
      (answer) => {
        if (answer.token === undefined) return
        cookies.push(answer.token === "forget" ? "" : answer.token)
        if (answer.token !== "forget") told.add(answer.token)
      }
    )
  }

  return Effect.gen(function* () {
    for (const step of steps) {
      passed += step.pause
      const isAll = step.action === "all"
      const before = new Set(told)
      const result = yield* process(
        memory,
        step.stopsAfter ?? Number.POSITIVE_INFINITY,
        max
      )(isAll ? endAll(step.user) : visitOf(step))
      if (isAll && Option.isSome(result)) dead.set(step.user, before)
      if (step.looks) yield* lookAtAll
    }
    yield* lookAtAll
    for (const user of users) yield* whole(endAll(user))
    for (const token of told) expect(yield* whole(userBehind(token))).toBeUndefined()
  }).pipe(at(() => start + passed)) as Effect.Effect<void, unknown>
}

it(
  "whenever processes stop",
  async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(histories, (history) => Effect.runPromise(play(history))),
      { numRuns: soak(100, 2_000) }
    )
  },
  soakMillis(120_000, 900_000)
)
