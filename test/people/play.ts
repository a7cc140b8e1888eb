// Plays a history of sign-ins, ends and lost answers, and compares what is seen with the model.
import { type SessionConfig, SessionManager, SessionStore } from "effect-session"
import * as FastCheck from "fast-check"
import type * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { at } from "#test/clock"
import { expect } from "#test/vitest"
import type { ProviderLayer } from "../identity/backends.js"
import { Device, options, type Seen, type Shown, type Told, visiting } from "./app.js"
import { type Account, hour, Model, minute, times } from "./model.js"

export const users = ["ada", "bob"] as const
const browsers = [0, 1, 2] as const

/** The actions of a request. */
const actions = ["look", "write", "in", "list", "renew", "out", "others"] as const

export type Step =
  | {
      readonly _tag: "Visit"
      readonly action: (typeof actions)[number]
      readonly browser: number
      readonly user: string
      readonly remember: boolean | undefined
      /** The process that handles it. */
      readonly process: number
      /** Whether the browser does not get the answer. */
      readonly isLost: boolean
      /** How many cookies ago the browser had the one that it sends. */
      readonly old: number
    }
  | { readonly _tag: "Pass"; readonly millis: number }
  | { readonly _tag: "EndOne"; readonly user: string; readonly index: number }
  | { readonly _tag: "EndAll"; readonly user: string }

/** No two sums of these are the end of something. */
const shortly = [5_003, 20_011, 31_013, 61_027, 11 * minute + 17]
const long = [25 * minute + 19, 31 * minute + 27, 3 * hour + 31, 8 * hour + 37]

const steps = (pauses: ReadonlyArray<number>): FastCheck.Arbitrary<Step> => {
  const user = FastCheck.constantFrom(...users)
  const rarely = FastCheck.nat(5).map((n) => n === 0)
  return FastCheck.oneof(
    {
      weight: 12,
      arbitrary: FastCheck.record({
        _tag: FastCheck.constant("Visit" as const),
        action: FastCheck.constantFrom(...actions, "in" as const, "write" as const),
        browser: FastCheck.constantFrom(...browsers),
        user,
        remember: FastCheck.constantFrom(undefined, undefined, true, false),
        process: FastCheck.nat(1),
        isLost: rarely,
        old: FastCheck.tuple(rarely, FastCheck.nat(3)).map(([isOld, n]) => (isOld ? n : 0))
      })
    },
    {
      weight: 4,
      arbitrary: FastCheck.record({
        _tag: FastCheck.constant("Pass" as const),
        millis: FastCheck.constantFrom(...pauses)
      })
    },
    {
      weight: 1,
      arbitrary: FastCheck.record({ _tag: FastCheck.constant("EndOne" as const), user, index: FastCheck.nat(3) })
    },
    { weight: 1, arbitrary: FastCheck.record({ _tag: FastCheck.constant("EndAll" as const), user }) }
  )
}

/** `looksAlways` looks at everything after each step, and not only at the end: looking itself tidies up. */
export interface History {
  readonly steps: ReadonlyArray<Step>
  readonly looksAlways: boolean
  readonly max: number
  readonly whenExceeded: "end-oldest" | "refuse"
}

const historiesWith = (pauses: ReadonlyArray<number>, maxLength: number): FastCheck.Arbitrary<History> =>
  FastCheck.record({
    steps: FastCheck.array(steps(pauses), { minLength: 1, maxLength, size: "max" }),
    looksAlways: FastCheck.boolean(),
    max: FastCheck.constantFrom(1000, 2),
    whenExceeded: FastCheck.constantFrom("end-oldest", "refuse")
  })

export const histories = historiesWith([...shortly, ...long], 40)

/** Those in which nothing has to expire in a backend, whose clock is its own. */
export const quickHistories = historiesWith(shortly, 20)

export interface Rules {
  /** Whether the backend's clock is the manager's, so that marks expire as the model says. */
  readonly isOnClock: boolean
  readonly atRest?: SessionConfig.Options["atRest"]
}

/** Plays a history on a backend, under a clock that stands still between the steps. */
export const play = (
  kept: ProviderLayer,
  history: History,
  { atRest, isOnClock }: Rules
): Effect.Effect<void, unknown> => {
  const model = new Model(history.max, isOnClock)
  const start = Date.now()
  const config: SessionConfig.Options = {
    ...options,
    idleTimeout: isOnClock ? times.idle : times.absolute,
    absoluteTimeout: times.absolute,
    touchEvery: "1 second",
    remember: {
      idleTimeout: isOnClock ? times.rememberIdle : times.rememberAbsolute,
      absoluteTimeout: times.rememberAbsolute
    },
    principals: { max: history.max, whenExceeded: history.whenExceeded, bestEffort: true },
    id: { renewEvery: times.renewEvery, grace: times.grace },
    atRest
  }
  const processes = Effect.flatMap(Layer.build(kept), (provider) => {
    const manager = Layer.fresh(SessionManager.layer(config)).pipe(Layer.provide(Layer.succeedContext(provider)))
    return Effect.all([Layer.build(manager), Layer.build(manager)])
  })
  return Effect.scoped(
    Effect.flatMap(processes, (processes) => playing(model, history, { atRest, isOnClock }, processes))
  ).pipe(at(() => start + model.now)) as Effect.Effect<void, unknown>
}

const playing = (
  model: Model,
  { looksAlways, steps, whenExceeded }: History,
  { atRest, isOnClock }: Rules,
  processes: ReadonlyArray<Context.Context<SessionManager.SessionManager>>
) =>
  Effect.gen(function* () {
    const visits = yield* Effect.forEach(processes, (process) => Effect.provide(visiting, process))
    // On a backend that others use as well, the people of each history are its own.
    const suffix = isOnClock ? "" : `-${Math.random()}`
    const held: ReadonlyArray<Array<string>> = browsers.map(() => [])
    const refs = new Map<string, string>()
    const named = (user: string | undefined) => user?.slice(0, 3)

    const checkList = (user: string, shown: ReadonlyArray<Shown>, current: Account | undefined) => {
      const list = model.listOf(user)
      expect(shown.map(({ count, isCurrent, isRemembered }) => ({ count, isCurrent, isRemembered }))).toEqual(
        list.map((account) => ({
          // A list cannot read what only the session's id opens.
          count: atRest === "id" ? 0 : account.count,
          isCurrent: account === current,
          isRemembered: account.isRemembered
        }))
      )
      // A session keeps its name for as long as it is one person's.
      for (const [i, { ref }] of shown.entries()) {
        const known = refs.get(ref)
        const name = `${list[i]!.number} ${list[i]!.signedIn}`
        expect(known ?? name).toBe(name)
        refs.set(ref, name)
      }
      expect(new Set(shown.map(({ ref }) => ref)).size).toBe(shown.length)
    }

    const listOf = (user: string) =>
      Effect.map(SessionManager.sessionsOf(Device, user + suffix), (sessions) =>
        sessions.map(({ get, isCurrent, isRemembered, ref }) => ({ ref, count: get("count"), isCurrent, isRemembered }))
      )

    /** Opens what a cookie leads to, as the client that has it could. */
    const behind = (token: string) =>
      SessionManager.open(Device, SessionStore.sessionId(token)).pipe(
        Effect.flatMap(({ get, principal }) => Effect.all([principal, get("count")])),
        Effect.map(([user, count]) => ({ user: named(Option.getOrUndefined(user)), count })),
        Effect.catch(({ reason }) => (reason === "NotFound" ? Effect.succeed("nothing") : Effect.die(reason)))
      )

    const lookAtAll = Effect.gen(function* () {
      for (const token of model.cookies.keys()) {
        const account = model.behind(token)
        expect(yield* behind(token)).toEqual(
          account === undefined ? "nothing" : { user: account.user, count: account.count }
        )
      }
      for (const user of users) {
        checkList(user, yield* listOf(user), undefined)
      }
    })

    const check = (step: Extract<Step, { readonly _tag: "Visit" }>, token: string | undefined, told: Told) => {
      const { action, remember, user } = step
      const before = model.behind(token)
      const isLate = model.isLate(token)
      const seen: Seen | undefined = told.status === 200 ? JSON.parse(told.body) : undefined
      const tells = (account: Account) => {
        expect(told.token).toBeDefined()
        expect(told.token === "forget" || model.cookies.has(told.token!)).toBe(false)
        model.told(told.token!, account)
      }
      /** A request that leaves the session what it is. */
      const uses = (account: Account) => {
        const isNewest = model.isNewest(token!)
        if (model.use(account, token!)) {
          tells(account)
        } else if (isNewest) {
          expect([undefined, token]).toContain(told.token)
        } else {
          expect(model.isNewest(told.token!) && model.behind(told.token) === account).toBe(true)
        }
      }
      const sees = (account: Account | undefined) =>
        expect(seen && { user: named(seen.user), count: seen.count }).toEqual({
          user: account?.user,
          count: account?.count ?? 0
        })
      const leaves = () => expect(told.token).toBeUndefined()
      switch (action) {
        case "look":
        case "list": {
          if (before === undefined) leaves()
          else uses(before)
          expect(told.status).toBe(200)
          return action === "look"
            ? sees(before)
            : checkList(user, seen as unknown as ReadonlyArray<Shown>, before?.user === user ? before : undefined)
        }
        case "others": {
          const known = before?.user
          expect(told.status).toBe(known === undefined ? 401 : 200)
          for (const other of known === undefined ? [] : model.listOf(known)) {
            if (other !== before) model.end(other)
          }
          return before === undefined ? leaves() : uses(before)
        }
        case "write": {
          if (before !== undefined) {
            before.count++
            uses(before)
            return sees(before)
          }
          if (isLate || (!isOnClock && told.status !== 200)) {
            expect(told.status).toBeGreaterThanOrEqual(400)
            return leaves()
          }
          const begun = model.begin()
          begun.count = 1
          tells(begun)
          return sees(begun)
        }
        case "renew": {
          if (before === undefined) {
            leaves()
            return sees(undefined)
          }
          model.move(before)
          tells(before)
          return sees(before)
        }
        case "in": {
          if (whenExceeded === "refuse" && model.isFull(before, user)) {
            expect(told.status).toBe(403)
            // Nothing changes, but a client that lost its new id is told of it.
            return before === undefined || model.isNewest(token!)
              ? leaves()
              : expect(model.isNewest(told.token!) && model.behind(told.token) === before).toBe(true)
          }
          const account = before ?? model.begin()
          if (before !== undefined) model.move(before)
          model.signIn(account, user, remember)
          tells(account)
          return sees(account)
        }
        case "out": {
          if (before !== undefined) model.end(before)
          expect(told.token).toBe(token === undefined ? told.token : "forget")
          return sees(undefined)
        }
      }
    }

    for (const step of steps) {
      switch (step._tag) {
        case "Pass":
          model.now += step.millis
          break
        case "EndAll":
          yield* SessionManager.endAll(step.user + suffix)
          for (const account of model.listOf(step.user)) model.end(account)
          break
        case "EndOne": {
          const ref = (yield* listOf(step.user))[step.index]?.ref
          if (ref !== undefined) {
            yield* SessionManager.endSession(step.user + suffix, ref)
            model.end(model.listOf(step.user)[step.index]!)
          }
          break
        }
        case "Visit": {
          const cookies = held[step.browser]!
          const token = cookies[Math.max(cookies.length - 1 - step.old, 0)] || undefined
          const remember = step.remember === undefined ? "" : `&remember=${step.remember}`
          const told = yield* visits[step.process]!(`${step.action}?user=${step.user}${suffix}${remember}`, token)
          check(step, token, told)
          if (told.token !== undefined && !step.isLost && told.token !== cookies.at(-1)) {
            cookies.push(told.token === "forget" ? "" : told.token)
          }
          break
        }
      }
      if (looksAlways) yield* lookAtAll
    }
    yield* lookAtAll
  }).pipe(Effect.provide(processes[0]!))
