/**
 * Sessions mounted within or around what runs its app in a fiber of its own, or gives it up: `Effect.timeout`, `Effect.race` and their like.
 */

import { type SessionError, SessionHttp } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import { disconnect, keepsHandlers, timedOut } from "#test/fibers"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import type { App } from "../support/app.js"
import { AppSession, probe, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"

const read = Effect.flatMap(AppSession, (session) =>
  Effect.map(Effect.all([session.get("visits"), session.get("userId")]), ([visits, userId]) =>
    HttpServerResponse.text(`${visits} ${Option.getOrElse(userId, () => "nobody")}`)
  )
)
const visits = (n: number) => Effect.flatMap(AppSession, (session) => session.set("visits", n))
const user = (name: string) => Effect.flatMap(AppSession, (session) => session.set("userId", name))
const save = Effect.flatMap(AppSession, (session) => session.save)
const regenerate = Effect.flatMap(AppSession, (session) => session.regenerate)
const destroy = Effect.flatMap(AppSession, (session) => session.destroy)

const seconds = "10 seconds"

/** What runs its app in a fiber of its own. */
const around: Readonly<Record<string, <A, E, R>(app: Effect.Effect<A, E, R>) => Effect.Effect<A, unknown, R>>> = {
  nothing: (app) => app,
  "Effect.timeout": (app) => Effect.timeout(app, seconds),
  "Effect.timeoutFail": (app) =>
    Effect.flatMap(
      Effect.timeoutOption(app, seconds),
      Option.match({ onNone: () => Effect.fail("late"), onSome: Effect.succeed })
    ),
  "Effect.race": (app) => Effect.race(app, Effect.interrupt),
  "Effect.raceFirst": (app) => Effect.raceFirst(app, Effect.interruptible(Effect.never)),
  "Effect.disconnect": (app) => disconnect(app),
  "Effect.fork and join": (app) => Effect.flatMap(Effect.forkChild(app), Fiber.await).pipe(Effect.flatten)
}

const mount = SessionHttp.middleware(AppSession)

/** Reads and signs in, without what is tried. */
const plain = HttpRouter.empty.pipe(
  HttpRouter.get("/read", read),
  HttpRouter.get("/sign-in", Effect.as(user("ada"), HttpServerResponse.empty())),
  mount
)

/** Serves an app below `/w`. */
const serveBeside = (app: App<any, any>, provider = probe().provider) =>
  serve(HttpRouter.empty.pipe(HttpRouter.mountApp("/p", plain), HttpRouter.mountApp("/w", app)), {}, provider)

describe.each(Object.entries(around))("within or around %s", (_, wrap) => {
  const refused = HttpServerResponse.empty({ status: 401 })
  const handlers = {
    "/ok": Effect.as(visits(5), HttpServerResponse.text("ok")),
    "/refused": Effect.as(visits(5), refused),
    "/fails-4xx": Effect.andThen(visits(5), Effect.fail(refused)),
    "/dies-4xx": Effect.andThen(visits(5), Effect.die(refused)),
    "/fails": Effect.andThen(visits(5), Effect.fail("no")),
    "/dies": Effect.andThen(visits(5), Effect.die(new Error("no"))),
    "/login-fails-4xx": Effect.all([regenerate, visits(5), Effect.fail(refused)], { discard: true }),
    "/saved-fails": Effect.all([regenerate, visits(5), save, visits(6), Effect.fail("no")], { discard: true }),
    "/logout-dies": Effect.andThen(destroy, Effect.die(new Error("no"))),
    "/logout": Effect.as(destroy, HttpServerResponse.empty())
  } as const
  const router = Object.entries(handlers).reduce<HttpRouter.HttpRouter<unknown, AppSession>>(
    (router, [path, handler]) =>
      HttpRouter.get(router, path as "/", handler as Effect.Effect<HttpServerResponse.HttpServerResponse>),
    HttpRouter.empty
  )
  const mounts = { "the mount is outside": mount(wrap(router)), "the mount is within": wrap(mount(router)) } as const

  describe.each(Object.entries(mounts))("%s", (_, app) => {
    it.effect.each([
      ["/ok", 200, "5 ada"],
      ["/refused", 401, "5 ada"],
      ["/fails-4xx", 401, "5 ada"],
      ["/dies-4xx", 401, "5 ada"],
      ["/fails", 500, "0 ada"],
      ["/dies", 500, "0 ada"],
      ["/login-fails-4xx", 401, "5 ada"],
      ["/saved-fails", 500, "5 ada"],
      ["/logout-dies", 500, "0 nobody"],
      ["/logout", 204, "0 nobody"]
    ] as const)("%s: %i, and then the browser has %s", ([path, status, session]) =>
      Effect.gen(function* () {
        const { as, send } = yield* serveBeside(app)
        const cookie = (yield* send("/p/sign-in")).cookie
        const answer = yield* as(cookie)(`/w${path}`)
        expect(answer.status).toBe(status)
        expect((yield* as(answer.cookie ?? cookie)("/p/read")).body).toBe(session)
        expect(answer.setCookie.length).toBe(path.match(/log|saved/) ? 1 : 0)
      })
    )

    it.effect.each(["/ok", "/refused", "/fails-4xx", "/dies-4xx"])("%s begins a session, and tells it", (path) =>
      Effect.gen(function* () {
        const { as, send } = yield* serveBeside(app)
        const answer = yield* send(`/w${path}`)
        expect(answer.setCookie.length).toBe(1)
        expect((yield* as(answer.cookie)("/p/read")).body).toBe("5 nobody")
      })
    )
  })
})

describe("a mount that is given up", () => {
  const late = HttpServerResponse.text("late", { status: 504 })
  /** Gives the app up after a while. */
  const limit = <E, R>(app: App<E, R>): App<E, R> =>
    Effect.map(
      Effect.timeoutOption(app, "100 millis"),
      Option.getOrElse(() => late)
    )

  /** What comes of a handler that then waits for ever: the status, the session that the browser has then, and the log. */
  const outcomeOf = (handler: Effect.Effect<void, SessionError, AppSession>, where: "within" | "outside") =>
    Effect.gen(function* () {
      const { layer, logged } = collectLogs()
      const { calls, provider } = probe()
      const router = HttpRouter.empty.pipe(HttpRouter.get("/", Effect.andThen(handler, Effect.never)))
      const app = where === "within" ? limit(mount(router)) : mount(limit(router))
      const { as, send } = yield* serveBeside(app, provider).pipe(Effect.provide(layer))
      const cookie = (yield* send("/p/sign-in")).cookie
      calls.length = 0
      const { cookie: told, setCookie, status } = yield* as(cookie)("/w")
      const cost = calls.splice(0)
      const session = (yield* as(told ?? cookie)("/p/read")).body
      return { cost, logged, session, status, cookies: setCookie.length }
    })

  describe("by a timeout outside of it: what the handler did is dropped, whatever the response is then", () => {
    it.live("changes", () =>
      Effect.map(outcomeOf(visits(5), "within"), (result) =>
        expect(result).toEqual({ status: 504, session: "0 ada", cost: [], logged: [], cookies: 0 })
      )
    )
    it.live("but not what was saved", () =>
      Effect.map(outcomeOf(Effect.all([visits(5), save, visits(6)], { discard: true }), "within"), (result) =>
        expect(result).toEqual({ status: 504, session: "5 ada", cost: ["read", "write"], logged: [], cookies: 0 })
      )
    )
    it.live("a destroy stands", () =>
      Effect.map(outcomeOf(Effect.andThen(destroy, user("eve")), "within"), ({ cost, logged, session, status }) =>
        expect({ status, session, cost, logged }).toEqual({
          status: 504,
          session: "0 nobody",
          cost: ["destroy"],
          logged: []
        })
      )
    )
    it.live(
      keepsHandlers ? "a new id that was saved is told" : "a new id that was saved cannot be told, and the log says so",
      () =>
        Effect.map(outcomeOf(Effect.all([regenerate, user("bob"), save], { discard: true }), "within"), (result) =>
          expect(result).toEqual({
            status: 504,
            cost: ["read", "regenerate"],
            ...(keepsHandlers
              ? { session: "0 bob", logged: [], cookies: 1 }
              : {
                  session: "0 nobody",
                  logged: [expect.stringMatching(/new id.*not told.*mount SessionHttp outside of Effect\.timeout/)],
                  cookies: 0
                })
          })
        )
    )
  })

  // The mount sees a response, and who made it of what is no business of its.
  describe("by a timeout within it: the response decides", () => {
    it.live("a 5xx drops changes", () =>
      Effect.map(outcomeOf(visits(5), "outside"), (result) =>
        expect(result).toEqual({ status: 504, session: "0 ada", cost: [], logged: [], cookies: 0 })
      )
    )
    it.live("a destroy stands, and is told", () =>
      Effect.map(outcomeOf(destroy, "outside"), (result) =>
        expect(result).toEqual({ status: 504, session: "0 nobody", cost: ["destroy"], logged: [], cookies: 1 })
      )
    )
    it.live("a new id that was saved is told", () =>
      Effect.map(outcomeOf(Effect.all([regenerate, user("bob"), save], { discard: true }), "outside"), (result) =>
        expect(result).toEqual({ status: 504, session: "0 bob", cost: ["read", "regenerate"], logged: [], cookies: 1 })
      )
    )
  })

  it.live("leaves the request to another mount, which saves and tells", () =>
    Effect.gen(function* () {
      const slow = mount(Effect.andThen(visits(9), Effect.never))
      const fallback = mount(
        Effect.andThen(
          Effect.flatMap(AppSession, (s) => s.update("visits", (n) => n + 1)),
          read
        )
      )
      const app = slow.pipe(
        Effect.interruptible,
        Effect.timeout("50 millis"),
        Effect.catchTag(timedOut, () => fallback)
      )
      const { as, send } = yield* serveBeside(app)
      const first = yield* send("/w")
      expect([first.status, first.body, first.setCookie.length]).toEqual([200, "1 nobody", 1])
      expect((yield* as(first.cookie)("/w")).body).toBe("2 nobody")
      expect((yield* as(first.cookie)("/p/read")).body).toBe("2 nobody")
    })
  )

  it.live("leaves it to a fallback within one mount", () =>
    Effect.gen(function* () {
      const slow = mount(Effect.andThen(visits(9), Effect.never))
      const app = mount(
        slow.pipe(
          Effect.interruptible,
          Effect.timeout("50 millis"),
          Effect.catchTag(timedOut, () => Effect.andThen(user("bob"), read))
        )
      )
      const { as, send } = yield* serveBeside(app)
      const first = yield* send("/w")
      expect([first.status, first.setCookie.length]).toEqual([200, 1])
      expect((yield* as(first.cookie)("/p/read")).body).toBe(first.body)
    })
  )

  it.live("in a race: the one that wins is saved", () =>
    Effect.gen(function* () {
      const app = Effect.raceFirst(
        mount(Effect.andThen(visits(9), Effect.interruptible(Effect.never))),
        Effect.delay(mount(Effect.as(visits(1), HttpServerResponse.text("won"))), "20 millis")
      )
      const { as, send } = yield* serveBeside(app)
      const first = yield* send("/w")
      expect([first.status, first.body, first.setCookie.length]).toEqual([200, "won", 1])
      expect((yield* as(first.cookie)("/p/read")).body).toBe("1 nobody")
    })
  )
})
