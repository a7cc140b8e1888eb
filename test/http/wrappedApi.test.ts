/**
 * What sessions of an `HttpApi`, whose middleware is inside of it, do within what runs all of the API in a fiber of its
 * own.
 */

import { SessionError } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import { outerStatus, serveApi } from "#test/api"
import { disconnect } from "#test/fibers"
import { describe, expect, it } from "#test/vitest"
import type { App } from "../support/app.js"
import { AppSession } from "../support/http.js"
import { apiOf, build, type Handlers } from "../support/mounts.js"

const late = HttpServerResponse.empty({ status: 504 })
const limit = (app: App) =>
  Effect.map(
    Effect.timeoutOption(app, "100 millis"),
    Option.getOrElse(() => late)
  )

const around: Readonly<Record<string, (app: App) => App>> = {
  nothing: (app) => app,
  "Effect.timeout": (app) => Effect.orDie(Effect.timeout(app, "10 seconds")),
  "Effect.raceFirst": (app) => Effect.raceFirst(app, Effect.interruptible(Effect.never)),
  "Effect.disconnect": (app) => disconnect(app),
  "Effect.fork and Fiber.join": (app) => Effect.flatMap(Effect.forkChild(app), Fiber.join)
}

const count = Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1))

const handlers: Handlers = {
  count: Effect.map(count, String),
  read: Effect.map(
    Effect.flatMap(AppSession, (session) => session.get("visits")),
    String
  ),
  login: Effect.as(
    Effect.andThen(
      count,
      Effect.flatMap(AppSession, (session) => session.regenerate)
    ),
    "in"
  ),
  logout: Effect.as(
    Effect.flatMap(AppSession, (session) => session.destroy),
    "out"
  ),
  fails: Effect.andThen(count, new SessionError({ reason: "InvalidValue", message: "no" })),
  dies: Effect.andThen(count, Effect.die(new Error("no"))),
  "logout-fails": Effect.andThen(
    Effect.flatMap(AppSession, (session) => session.destroy),
    new SessionError({ reason: "InvalidValue", message: "no" })
  ),
  hangs: Effect.andThen(count, Effect.never),
  "logout-hangs": Effect.andThen(
    Effect.flatMap(AppSession, (session) => session.destroy),
    Effect.never
  )
}

const served = (middleware: (app: App) => App, where: "outside" | "inside") =>
  serveApi(...apiOf(handlers), { [where]: middleware })

describe.each(["outside", "inside"] as const)(
  "a middleware %s of where the API's errors are made responses",
  (where) => {
    describe.each(Object.entries(around))("of %s", (_, middleware) => {
      it.effect("saves, and tells, as without it", () =>
        Effect.gen(function* () {
          const { as, send } = yield* build(served(middleware, where))
          const first = yield* send("/count")
          expect([first.status, first.setCookie.length]).toEqual([200, 1])
          const login = yield* as(first.cookie)("/login")
          expect([login.status, login.setCookie.length]).toEqual([200, 1])
          const me = as(login.cookie)
          expect((yield* me("/fails")).status).toBe(500)
          expect((yield* me("/dies")).status).toBe(500)
          expect((yield* me("/read")).body).toBe("2")
          // If the API has failed within a fiber of its own, Effect 3 leaves no way to tell the client. A destroy stands all the same.
          expect((yield* me("/logout-fails")).status).toBe(500)
          expect((yield* me("/read")).body).toBe("0")
        })
      )
    })

    it.live("that gives the handler up: changes are dropped, a destroy stands", () =>
      Effect.gen(function* () {
        const { as, send } = yield* build(served(limit, where))
        const { cookie } = yield* send("/count")
        const status = where === "outside" ? outerStatus(504) : 504
        expect((yield* as(cookie)("/hangs")).status).toBe(status)
        expect((yield* as(cookie)("/read")).body).toBe("1")
        expect((yield* as(cookie)("/logout-hangs")).status).toBe(status)
        expect((yield* as(cookie)("/read")).body).toBe("0")
      })
    )
  }
)
