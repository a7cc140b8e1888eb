/**
 * A `save` that is still under way: what the handler asks of its session meanwhile stands. And how many calls one save makes at most.
 */
import { SessionHttp, SessionProvider, type SessionStore } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as TestClock from "#effect/testing/TestClock"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { AppSession, probe, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"

type Session = SessionStore.Session<typeof AppSession.fields>

const using = <A, E, R>(use: (session: Session) => Effect.Effect<A, E, R>) =>
  Effect.as(Effect.flatMap(AppSession, use), HttpServerResponse.empty())

const read = Effect.flatMap(AppSession, (session) =>
  Effect.map(Effect.all([session.get("visits"), session.get("userId")]), ([visits, userId]) =>
    HttpServerResponse.text(`${visits} ${Option.getOrElse(userId, () => "nobody")}`)
  )
)

const count = (session: Session) => session.update("visits", (n) => n + 1)

const live = (lines: ReadonlyArray<string>) => lines.filter((line) => !line.includes("Max-Age=0"))

/** A provider whose writing calls wait for `open` once `close` was run; `reached` is when one of them waits. */
const gated = Effect.map(Effect.all([Deferred.make<void>(), Deferred.make<void>()]), ([reached, opened]) => {
  let closed = false
  const { provider } = probe((inner) => {
    const wait =
      <Args extends ReadonlyArray<any>, A, E>(call: (...args: Args) => Effect.Effect<A, E>) =>
      (...args: Args) =>
        Effect.suspend(() =>
          closed
            ? Effect.andThen(
                Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(opened)),
                call(...args)
              )
            : call(...args)
        )
    return { create: wait(inner.create), write: wait(inner.write), regenerate: wait(inner.regenerate) }
  })
  return {
    provider,
    close: Effect.sync(() => {
      closed = true
    }),
    reached: Deferred.await(reached),
    open: Deferred.succeed(opened, undefined)
  }
})

/** How a handler stops waiting for a save that goes on. */
const ways = {
  "is given up by Effect.timeout": (save: Effect.Effect<void, unknown>, reached: Effect.Effect<void>) =>
    Effect.as(Effect.andThen(Effect.ignore(Effect.timeout(save, "20 millis")), reached), Effect.void),
  "is run by a fiber of its own": (save: Effect.Effect<void, unknown>, reached: Effect.Effect<void>) =>
    Effect.flatMap(Effect.forkChild(Effect.ignore(save)), (fiber) => Effect.as(reached, Fiber.join(fiber)))
}

const saves = {
  "the first save of a visitor": { known: false, before: () => Effect.void },
  "a save of changes": { known: true, before: () => Effect.void },
  "a change of the id": { known: true, before: (session: Session) => session.regenerate }
}

describe.each(Object.entries(saves))("%s", (_, { before, known }) => {
  describe.each(Object.entries(ways))("that %s", (_, leave) => {
    const outcomeOf = (then: (session: Session) => Effect.Effect<unknown, unknown>) =>
      Effect.gen(function* () {
        const { close, open, provider, reached } = yield* gated
        const app = HttpRouter.empty.pipe(
          HttpRouter.get("/read", read),
          HttpRouter.get("/start", using(count)),
          HttpRouter.get(
            "/go",
            using((session) =>
              Effect.gen(function* () {
                yield* before(session)
                yield* count(session)
                const rest = yield* leave(session.save, reached)
                yield* then(session)
                yield* open
                yield* rest
              })
            )
          ),
          HttpRouter.use(SessionHttp.middleware(AppSession))
        )
        const { as, manager, send } = yield* serve(app, {}, provider)
        const start = known ? (yield* send("/start")).cookie : undefined
        yield* close
        const answer = yield* as(start)("/go")
        const set = live(answer.setCookie).map((line) => line.split(";")[0]!)
        return {
          status: answer.status,
          before: start && (yield* as(start)("/read")).body,
          told: yield* Effect.forEach(set, (cookie) => Effect.map(as(cookie)("/read"), ({ body }) => body)),
          isNew: start === undefined || !set.includes(start),
          active: yield* manager.count
        }
      })

    it.live("a regenerate after it changes the id, and ends the one before", () =>
      Effect.gen(function* () {
        expect(yield* outcomeOf((session) => Effect.andThen(session.regenerate, session.set("userId", "ada")))).toEqual(
          {
            status: 204,
            before: known ? "0 nobody" : undefined,
            told: [`${known ? 2 : 1} ada`],
            isNew: true,
            active: 1
          }
        )
      })
    )

    it.live("a destroy after it ends what it stores", () =>
      Effect.gen(function* () {
        expect(yield* outcomeOf((session) => session.destroy)).toEqual({
          status: 204,
          before: known ? "0 nobody" : undefined,
          told: [],
          isNew: true,
          active: 0
        })
      })
    )

    it.live("what is set after a destroy begins a session, with nothing of the one before", () =>
      Effect.gen(function* () {
        expect(yield* outcomeOf((session) => Effect.andThen(session.destroy, session.set("userId", "eve")))).toEqual({
          status: 204,
          before: known ? "0 nobody" : undefined,
          told: ["0 eve"],
          isNew: true,
          active: 1
        })
      })
    )
  })
})

describe("a save whose conflicts go on", () => {
  it.live.each([
    ["bounds its calls itself", 1_000],
    ["does not", Number.POSITIVE_INFINITY]
  ] as const)("ends within the timeout, of a provider that %s", ([_, answersWithin]) =>
    Effect.gen(function* () {
      const { layer, logged } = collectLogs()
      let conflicts = false
      const { calls, provider } = probe((inner) => ({
        capabilities: { ...inner.capabilities, answersWithin },
        write: (...args) =>
          conflicts ? Effect.delay(Effect.succeed(SessionProvider.conflict()), 200) : inner.write(...args)
      }))
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/", using(count)),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { as, send } = yield* serve(app, { timeout: "1 second" }, provider).pipe(Effect.provide(layer))
      const { cookie } = yield* send("/")
      conflicts = true
      calls.length = 0
      expect((yield* as(cookie)("/")).status).toBe(503)
      // Twenty-four tries are what a save makes if they are fast.
      const writes = calls.filter((call) => call === "write").length
      expect(writes).toBeLessThan(10)
      expect(logged).toHaveLength(1)
    })
  )
})

describe("what one request calls", () => {
  const callsOf = (handler: (session: Session) => Effect.Effect<unknown, unknown>) =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/start", using(count)),
        HttpRouter.get("/", using(handler)),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { as, send } = yield* serve(app, {}, provider)
      const { cookie } = yield* send("/start")
      calls.length = 0
      expect((yield* as(cookie)("/")).status).toBe(204)
      return calls
    })

  it.effect("a touch after a save renews the lifetime once more", () =>
    Effect.gen(function* () {
      const minute = TestClock.adjust("1 minute")
      const calls = yield* callsOf((session) =>
        count(session).pipe(Effect.andThen(session.save), Effect.andThen(minute), Effect.andThen(session.touch))
      )
      expect(calls).toEqual(["read", "write", "touch"])
    })
  )

  it.effect("two questions that were put before either was run read once", () =>
    Effect.gen(function* () {
      expect(yield* callsOf((session) => Effect.all([session.get("visits"), session.isNew]))).toEqual(["read"])
    })
  )

  it.effect.each([
    ["one after the other", 1],
    ["by two fibers", 2]
  ] as const)("also of a provider in the same process, %s", ([_, concurrency]) =>
    Effect.gen(function* () {
      let reads = 0
      const memory = Memory.make()
      const provider: SessionProvider.Provider = {
        ...memory,
        read: (id) =>
          Effect.suspend(() => {
            reads++
            return memory.read(id)
          })
      }
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/start", using(count)),
        HttpRouter.get(
          "/",
          using((session) => Effect.all([session.get("visits"), session.isNew], { concurrency }))
        ),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { as, send } = yield* serve(app, {}, provider)
      const { cookie } = yield* send("/start")
      reads = 0
      yield* as(cookie)("/")
      expect(reads).toBe(1)
    })
  )
})
