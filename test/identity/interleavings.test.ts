/**
 * Requests with one planted id, whose steps and backend calls are put in an order by a schedule: whatever the order, nobody is given
 * another's session, and nothing is lost that was acknowledged. Two managers stand for two processes.
 */

import { SessionManager, SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as FastCheck from "fast-check"
import { webHandlers } from "#dialect/http"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as ManagedRuntime from "#effect/ManagedRuntime"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import * as Logs from "#test/logs"
import { expect, it } from "#test/vitest"
import { soak } from "../support/soak.js"
import { counters, makeApp, type Seen } from "./app.js"
import { given } from "./client.js"

/** Lets one waiting step go at a time, as the schedule says, and only when all that goes has come to its next wait. */
const makeTurns = (schedule: ReadonlyArray<number>) => {
  const waiting: Array<() => void> = []
  let at = 0
  const turn = Effect.callback<void>((resume) => {
    waiting.push(() => resume(Effect.void))
  })
  const settled = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))
  const runUntil = async (done: Promise<unknown>): Promise<void> => {
    let isDone = false
    const end = done.finally(() => {
      isDone = true
    })
    while (!isDone) {
      await settled()
      const next = waiting.splice((schedule[at++ % schedule.length] ?? 0) % Math.max(1, waiting.length), 1)
      next[0]?.()
    }
    await end
  }
  return { runUntil, turn }
}

const inTurn = (provider: SessionProvider.Provider, turn: Effect.Effect<void>): SessionProvider.Provider => {
  const wait =
    <Args extends ReadonlyArray<unknown>, A, E>(call: (...args: Args) => Effect.Effect<A, E>) =>
    (...args: Args) =>
      Effect.tap(
        Effect.andThen(
          turn,
          Effect.suspend(() => call(...args))
        ),
        turn
      )
  return {
    ...provider,
    capabilities: { ...provider.capabilities, inProcess: false },
    read: wait(provider.read),
    create: wait(provider.create),
    write: wait(provider.write),
    touch: wait(provider.touch),
    destroy: wait(provider.destroy),
    regenerate: wait(provider.regenerate),
    marked: provider.marked && wait(provider.marked)
  }
}

interface Done {
  readonly steps: ReadonlyArray<string>
  readonly status: number
  readonly seen: Seen | undefined
  /** The cookie that it was told, or that it is to forget what it has, or nothing. */
  readonly told: string | "forget" | undefined
}

const handlers = (provider: SessionProvider.Provider, turn: Effect.Effect<void>) => {
  const runtime = ManagedRuntime.make(
    Layer.merge(
      Layer.provide(
        // Without a trial, whose calls would wait for turns that have not begun.
        Layer.effect(SessionManager.SessionManager, SessionManager.make({ cookie: { secure: false } })),
        Layer.succeed(SessionProvider.SessionProvider, provider)
      ),
      Logs.nothing
    )
  )
  const handlerOf = Effect.promise(() => runtime.runPromise(webHandlers<SessionManager.SessionManager>()))
  return Effect.map(handlerOf, (handlerOf) => {
    const handle = handlerOf(makeApp(undefined, turn))
    return async (cookie: string, steps: ReadonlyArray<string>): Promise<Done> => {
      const response = await handle(new Request(`http://a.test/${steps.join(",")}`, { headers: { cookie } }))
      const setCookie = response.headers.getSetCookie()
      return {
        steps,
        status: response.status,
        seen: response.status === 200 ? ((await response.json()) as Seen) : undefined,
        told: setCookie.length === 0 ? undefined : given({ setCookie }) || "forget"
      }
    }
  })
}

/** What the requests have done to a session that all of them named. */
interface World {
  readonly all: ReadonlyArray<Done>
  /** What is read with a cookie at the end. */
  readonly look: (cookie: string) => Promise<Seen>
  readonly planted: string
  /** What is stored at the end of the chain of successors, if anything is. */
  readonly last: string | undefined
}

const play = async (
  requests: ReadonlyArray<ReadonlyArray<string>>,
  schedule: ReadonlyArray<number>
): Promise<World> => {
  const memory = Memory.make()
  const { runUntil, turn } = makeTurns(schedule)
  const slow = inTurn(memory, turn)
  const [plain, one, other] = await Effect.runPromise(
    Effect.all([handlers(memory, Effect.void), handlers(slow, turn), handlers(slow, turn)])
  )
  const planted = (await plain!("", ["cart:evil"])).told!
  const [first] = await Effect.runPromise(idsOf(memory))
  const sent = requests.map((steps, i) => (i % 2 === 0 ? one! : other!)(planted, steps))
  const all = Promise.all(sent)
  await runUntil(all)
  return {
    all: await all,
    planted,
    look: async (cookie) => (await plain!(cookie, ["read"])).seen!,
    last: await Effect.runPromise(endOf(memory, first!))
  }
}

const idsOf = (provider: SessionProvider.Provider) => Effect.map(Stream.runCollect(provider.list!), (ids) => [...ids])

const endOf = (
  provider: SessionProvider.Provider,
  id: SessionProvider.StoredId
): Effect.Effect<string | undefined, unknown> =>
  Effect.flatMap(provider.read(id), (found) =>
    Option.isSome(found)
      ? Effect.succeed(Buffer.from(found.value.payload).toString())
      : Effect.flatMap(provider.marked!(id), (mark) =>
          Option.isSome(mark) && mark.value.length > 0
            ? endOf(provider, Buffer.from(mark.value).toString() as SessionProvider.StoredId)
            : Effect.succeed(undefined)
        )
  )

/** Whether it changed by itself which session is its own. */
const isIdentity = (step: string) => step === "renew" || step === "end"

/** The steps of request `i`: a session's user is only ever set together with a new id, as a sign-in does. */
const requestOf = (i: number): FastCheck.Arbitrary<ReadonlyArray<string>> => {
  const count = `inc:${counters[i]}`
  const step = FastCheck.oneof(
    { weight: 3, arbitrary: FastCheck.constant(["read"]) },
    { weight: 4, arbitrary: FastCheck.constant([count]) },
    { weight: 1, arbitrary: FastCheck.constant(["save"]) },
    { weight: 1, arbitrary: FastCheck.constant(["trySave"]) },
    { weight: 1, arbitrary: FastCheck.constant(["touch"]) },
    { weight: 1, arbitrary: FastCheck.constant([`add:${counters[i]}`]) }
  )
  const signIn = FastCheck.constantFrom(
    ["renew"],
    ["renew", `user:u${i}`],
    ["renew", `user:u${i}`, "save"],
    [`user:u${i}`, "renew"]
  )
  const change = FastCheck.oneof(
    { weight: 5, arbitrary: FastCheck.constant([]) },
    { weight: 4, arbitrary: signIn },
    { weight: 1, arbitrary: FastCheck.constant(["end"]) }
  )
  return FastCheck.tuple(FastCheck.array(step, { maxLength: 3 }), change, FastCheck.array(step, { maxLength: 2 })).map(
    ([before, change, after]) => ["read", ...before.flat(), ...change, ...after.flat(), "read", "id"]
  )
}

const requests = FastCheck.integer({ min: 2, max: counters.length }).chain((k) =>
  FastCheck.tuple(...counters.slice(0, k).map((_, i) => requestOf(i)))
)

const schedule = FastCheck.array(FastCheck.nat(11), { minLength: 20, maxLength: 60 })

const check = async ({ all, last, look, planted }: World) => {
  const users = new Set(all.map((_, i) => `u${i}`))
  for (const [i, { seen, status, steps, told }] of all.entries()) {
    expect([200, 503]).toContain(status)
    // Nobody sees who signed in with another request, neither in the answer nor with what was told.
    const cookie = told === undefined || told === "forget" ? undefined : told
    const later = cookie === undefined ? undefined : await look(cookie)
    const ids = await Promise.all((seen?.ids ?? []).map((id) => look(`id=${id}`)))
    const others = [...(seen?.users ?? []), ...(later?.users ?? []), ...ids.flatMap(({ users }) => users)]
    expect(others.filter((user) => users.has(user) && user !== `u${i}`)).toEqual([])
    if (!steps.some(isIdentity)) {
      expect({ steps, told }).toEqual({ steps, told: undefined })
    }
    if (status === 200 && steps.includes("renew")) {
      // With nothing to store there is nothing to tell.
      expect(later?.users ?? [""]).toEqual([steps.includes(`user:u${i}`) ? `u${i}` : ""])
      expect(cookie).not.toBe(planted)
    }
    const incremented = steps.filter((step) => /^(inc|add):/.test(step)).length
    if (seen !== undefined && incremented > 0 && !steps.some(isIdentity) && seen.isNew[0] === true) {
      // It came after the change: it was not to be acknowledged.
      expect({ steps, status, failed: seen.failed }).toEqual({ steps, status: 503, failed: seen.failed })
    }
    if (seen !== undefined && last !== undefined && !steps.some(isIdentity) && seen.failed === 0) {
      expect(Number(new RegExp(`[."]${counters[i]}":(\\d+)`).exec(last)?.[1] ?? 0)).toBe(incremented)
    }
  }
  const changed = all.filter(({ status, steps }) => status === 200 && steps.some(isIdentity))
  if (changed.length > 0) {
    expect((await look(planted)).isNew).toEqual([true])
  }
  const cookies = all.map(({ told }) => told).filter((told) => told !== undefined && told !== "forget")
  expect(new Set(cookies).size).toBe(cookies.length)
}

it("in whatever order their steps come", async () => {
  await FastCheck.assert(
    FastCheck.asyncProperty(requests, schedule, async (requests, schedule) => {
      await check(await play(requests, schedule))
    }),
    { numRuns: soak(300, 5_000) }
  )
}, 300_000)
