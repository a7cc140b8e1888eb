/**
 * The `Clear-Site-Data` header of the response to a sign-out.
 */
import { type SessionConfig, SessionError, SessionHttp } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import { serveApi } from "#test/api"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { AppSession, probe, serve } from "../support/http.js"
import { apiOf, basics, build, routesOf } from "../support/mounts.js"

const handlers = {
  ...basics,
  "sign-out": Effect.flatMap(AppSession, (session) => Effect.as(session.signOut, "out")),
  "sign-out-twice": Effect.flatMap(AppSession, (session) =>
    Effect.andThen(session.signOut, Effect.as(session.signOut, "out"))
  ),
  "sign-out-and-fail": Effect.flatMap(AppSession, (session) =>
    Effect.andThen(session.signOut, Effect.fail(new SessionError({ reason: "InvalidValue", message: "no" })))
  ),
  "sign-out-and-die": Effect.flatMap(AppSession, (session) =>
    Effect.andThen(session.signOut, Effect.die(new Error("no")))
  ),
  "sign-out-and-in": Effect.flatMap(AppSession, (session) =>
    Effect.andThen(session.signOut, Effect.as(session.set("userId", "ada"), "in"))
  )
}

const app = routesOf(handlers).pipe(
  HttpRouter.get(
    "/own",
    Effect.as(
      handlers["sign-out"],
      HttpServerResponse.text("out", { headers: { "clear-site-data": '"executionContexts"' } })
    )
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

const options = { clearSiteData: ["cache", "cookies", "storage"] } as const satisfies SessionConfig.Options

const header = '"cache", "cookies", "storage"'

const name = "clear-site-data"

describe("with the option, the header", () => {
  it.effect("is in each response to a sign-out, however that ends, and in no other", () =>
    Effect.gen(function* () {
      const { as, send } = yield* serve(app, options)
      for (const [path, status] of [
        ["/sign-out", 200],
        ["/sign-out-twice", 200],
        ["/sign-out-and-in", 200],
        ["/sign-out-and-fail", 500],
        ["/sign-out-and-die", 500]
      ] as const) {
        const { cookie } = yield* send("/count")
        const out = yield* as(cookie)(path)
        expect([path, out.status, out.headers[name], out.setCookie.length]).toEqual([path, status, header, 1])
        expect((yield* as(cookie)("/read")).body).toBe("0")
      }
      // There is nothing to end, but the browser may have kept something.
      expect((yield* send("/sign-out")).headers[name]).toBe(header)
      const { cookie, headers } = yield* send("/count")
      expect(headers[name]).toBeUndefined()
      for (const path of ["/read", "/login", "/nowhere"]) {
        expect((yield* as(cookie)(path)).headers[name]).toBeUndefined()
      }
    })
  )

  it.effect("is not in the response to destroy, which an app may use without a sign-out", () =>
    Effect.gen(function* () {
      const { as, send } = yield* serve(app, options)
      const { cookie } = yield* send("/count")
      const out = yield* as(cookie)("/logout")
      expect([out.setCookie.length, out.headers[name]]).toEqual([1, undefined])
    })
  )

  it.effect("stays as a handler has set it", () =>
    Effect.gen(function* () {
      const { as, send } = yield* serve(app, options)
      const { cookie } = yield* send("/count")
      expect((yield* as(cookie)("/own")).headers[name]).toBe('"executionContexts"')
    })
  )

  it.effect.each(["503", "response"] as const)(
    "is there although the backend did not end the session (whenNotSaved: %s)",
    (whenNotSaved) =>
      Effect.gen(function* () {
        let isAway = false
        const away = Effect.fail(new SessionError({ reason: "Unavailable", message: "probe: away" }))
        const { provider } = probe(({ destroy }) => ({ destroy: (...args) => (isAway ? away : destroy(...args)) }))
        const { as, send } = yield* serve(app, { ...options, whenNotSaved }, provider)
        const { cookie } = yield* send("/count")
        isAway = true
        const out = yield* as(cookie)("/sign-out")
        expect([out.status, out.headers[name]]).toEqual([503, header])
        expect(out.setCookie[0]).toMatch(/Max-Age=0/)
      })
  )

  it.effect("is there in an HttpApi", () =>
    Effect.gen(function* () {
      const { as, send } = yield* build(serveApi(...apiOf(handlers)), probe().provider, options)
      const { cookie } = yield* send("/count")
      const out = yield* as(cookie)("/sign-out")
      expect([out.status, out.headers[name], out.setCookie.length]).toEqual([200, header, 1])
      expect((yield* as(cookie)("/read")).headers[name]).toBeUndefined()
    })
  )

  it.effect("is there where clients hold the session", () =>
    Effect.gen(function* () {
      const { as, send } = yield* serve(app, options, yield* Cookie.make({ keys: [key()] }))
      const { cookie } = yield* send("/count")
      expect((yield* as(cookie)("/sign-out")).headers[name]).toBe(header)
    })
  )
})

it.effect("without the option there is none", () =>
  Effect.gen(function* () {
    const { as, send } = yield* serve(app)
    const { cookie } = yield* send("/count")
    const out = yield* as(cookie)("/sign-out")
    expect([out.status, out.setCookie.length, out.headers[name]]).toEqual([200, 1, undefined])
  })
)
