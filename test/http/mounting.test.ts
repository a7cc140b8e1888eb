/**
 * Each way to mount sessions, and the traps of @effect/platform.
 */

import { SessionError, SessionHttp, SessionStore } from "effect-session"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as HttpEffect from "#effect/http/HttpEffect"
import * as HttpMiddleware from "#effect/http/HttpMiddleware"
import * as HttpLayerRouter from "#effect/http/HttpRouter"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as HttpApi from "#effect/http-api/HttpApi"
import * as HttpApiBuilder from "#effect/http-api/HttpApiBuilder"
import * as HttpApiGroup from "#effect/http-api/HttpApiGroup"
import * as OpenApi from "#effect/http-api/OpenApi"
import * as Layer from "#effect/Layer"
import * as Schema from "#effect/Schema"
import { get, routes, serveApi } from "#test/api"
import * as HttpRouter from "#test/HttpRouter"
import { forwarded } from "#test/middleware"
import { describe, expect, it } from "#test/vitest"
import { AppSession, managerLayer, probe, serve } from "../support/http.js"
import { build, WithSession, WithSessionLive } from "../support/mounts.js"

const count = Effect.map(
  Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1)),
  (visits) => HttpServerResponse.text(String(visits))
)

const unavailable = new SessionError({ reason: "Unavailable", message: "probe: away" })

describe("HttpRouter", () => {
  it.effect("mounted twice, the session is one and is saved once", () =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/count", count),
        HttpRouter.use(SessionHttp.middleware(AppSession)),
        HttpRouter.use(SessionHttp.middleware(AppSession)),
        SessionHttp.middleware(AppSession)
      )
      const { as, send } = yield* serve(app, {}, provider)
      const { cookie, setCookie } = yield* send("/count")
      expect(setCookie.length).toBe(1)
      expect((yield* as(cookie)("/count")).body).toBe("2")
      expect(calls).toEqual(["create", "read", "write"])
    })
  )

  it.effect("below a prefix, where the request object is another one", () =>
    Effect.gen(function* () {
      const app = HttpRouter.empty.pipe(
        HttpRouter.mount("/api", HttpRouter.empty.pipe(HttpRouter.get("/count", count))),
        HttpRouter.use(SessionHttp.middleware(AppSession)),
        HttpRouter.use(forwarded)
      )
      const { as, send } = yield* serve(app)
      const { cookie } = yield* send("/api/count")
      expect((yield* as(cookie)("/api/count", { headers: { "x-forwarded-host": "example.org" } })).body).toBe("2")
    })
  )

  it.effect("several stores share one session", () =>
    Effect.gen(function* () {
      class Cart extends SessionStore.Tag<Cart>()("Cart", {
        visits: SessionStore.field(Schema.Int, { default: () => 100 })
      }) {}
      const app = HttpRouter.empty.pipe(
        HttpRouter.get(
          "/both",
          Effect.gen(function* () {
            const a = yield* (yield* AppSession).update("visits", (n) => n + 1)
            const b = yield* (yield* Cart).update("visits", (n) => n + 1)
            return HttpServerResponse.text(`${a} ${b}`)
          })
        ),
        HttpRouter.get(
          "/flush",
          Effect.as(
            Effect.flatMap(Cart, (cart) => cart.flush),
            HttpServerResponse.empty()
          )
        ),
        HttpRouter.use(SessionHttp.middleware(AppSession, Cart))
      )
      const { calls, provider } = probe()
      const { as, send } = yield* serve(app, {}, provider)
      const { body, cookie } = yield* send("/both")
      expect([body, calls.splice(0)]).toEqual(["1 101", ["create"]])
      expect([(yield* as(cookie)("/both")).body, calls.splice(0)]).toEqual(["2 102", ["read", "write"]])
      yield* as(cookie)("/flush")
      expect((yield* as(cookie)("/both")).body).toBe("3 101")
    })
  )

  it.effect("HEAD, OPTIONS, CORS and 404 make no session", () =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/count", count),
        HttpRouter.get("/unused", HttpServerResponse.empty()),
        HttpRouter.use(SessionHttp.middleware(AppSession)),
        HttpMiddleware.cors({ allowedOrigins: ["https://example.org"], credentials: true })
      )
      const { send } = yield* serve(app, {}, provider)
      const origin = { origin: "https://example.org" }
      for (const [method, path, status] of [
        ["OPTIONS", "/count", 204],
        ["HEAD", "/unused", 204],
        ["GET", "/nowhere", 404],
        ["POST", "/count", 404]
      ] as const) {
        const answer = yield* send(path, { method, headers: { ...origin, cookie: `__Host-id=${"A".repeat(43)}` } })
        expect([path, answer.status, answer.setCookie]).toEqual([path, status, []])
      }
      expect(calls).toEqual([])
      const cors = yield* send("/count", { headers: origin })
      expect(cors.headers["access-control-allow-origin"]).toBe("https://example.org")
      expect(cors.setCookie.length).toBe(1)
      // HEAD runs the GET handler, so it changes what GET changes.
      expect((yield* send("/count", { method: "HEAD" })).setCookie.length).toBe(1)
    })
  )

  it.effect("a client that hangs up does not undo a write", () =>
    Effect.gen(function* () {
      const writing = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const { provider } = probe((inner) => ({
        write: (...args) =>
          Deferred.succeed(writing, undefined).pipe(
            Effect.andThen(Deferred.await(release)),
            Effect.andThen(inner.write(...args))
          )
      }))
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/count", count),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { as, send, url } = yield* serve(app, {}, provider)
      const { cookie } = yield* send("/count")
      const controller = new AbortController()
      const hungUp = yield* Effect.forkChild(
        Effect.tryPromise(() => fetch(`${url}/count`, { headers: { cookie: cookie! }, signal: controller.signal }))
      )
      yield* Deferred.await(writing)
      controller.abort()
      yield* Effect.exit(Fiber.join(hungUp))
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
      yield* Deferred.succeed(release, undefined)
      expect((yield* as(cookie)("/count")).body).toBe("3")
    })
  )
})

describe("toWebHandler", () => {
  it.effect("serves sessions to a fetch-style runtime", () =>
    Effect.gen(function* () {
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/count", count),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { dispose, handler } = HttpEffect.toWebHandlerLayer(app, managerLayer())
      const fetch = (cookie?: string) =>
        Effect.promise(() => handler(new Request("http://localhost/count", cookie ? { headers: { cookie } } : {})))
      const first = yield* fetch()
      const cookie = first.headers.getSetCookie()[0]!.split(";")[0]!
      expect(yield* Effect.promise(() => first.text())).toBe("1")
      expect(
        yield* Effect.promise(async () =>
          (await handler(new Request("http://localhost/count", { headers: { cookie } }))).text()
        )
      ).toBe("2")
      yield* Effect.promise(dispose)
    })
  )
})

describe("HttpLayerRouter", () => {
  it.effect("gives the session to the routes that it is provided to, and answers a SessionError", () =>
    Effect.gen(function* () {
      const session = SessionHttp.routerMiddleware(AppSession)
      const routes = Layer.mergeAll(
        HttpLayerRouter.add("GET", "/count", count),
        HttpLayerRouter.add("GET", "/away", Effect.fail(unavailable))
      ).pipe(Layer.provide(session.layer))
      const plain = HttpLayerRouter.add("GET", "/plain", HttpServerResponse.text("plain"))
      const { as, send } = yield* build(
        HttpLayerRouter.serve(Layer.merge(routes, plain), { disableLogger: true, disableListenLog: true })
      )
      const { cookie } = yield* send("/count")
      expect((yield* as(cookie)("/count")).body).toBe("2")
      expect((yield* send("/away")).status).toBe(503)
      expect((yield* as(cookie)("/plain")).body).toBe("plain")
      expect((yield* as(cookie)("/nowhere")).status).toBe(404)
    })
  )
})

describe("HttpApi", () => {
  class Api extends HttpApi.make("api").add(
    HttpApiGroup.make("visits")
      .add(get("count", "/count", { success: Schema.Number }))
      .add(get("away", "/away", { success: Schema.Number }))
      .middleware(WithSession)
  ) {}

  const Implemented = HttpApiBuilder.group(Api, "visits", (handlers) =>
    handlers
      .handle("count", () => Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1)))
      .handle("away", () => Effect.fail(unavailable))
  ).pipe(Layer.provide(WithSessionLive))

  it.effect("gives the session to its endpoints, and answers a SessionError with its reason alone", () =>
    Effect.gen(function* () {
      const { as, send } = yield* build(serveApi(Api, Implemented))
      const { cookie } = yield* send("/count")
      expect((yield* as(cookie)("/count")).body).toBe("2")
      const away = yield* send("/away")
      expect([away.status, JSON.parse(away.body)]).toEqual([503, { _tag: "SessionError", reason: "Unavailable" }])
    })
  )

  it.effect("works within HttpLayerRouter.addHttpApi", () =>
    Effect.gen(function* () {
      const ofApi = Layer.provide(routes(Api), Implemented)
      const { as, send } = yield* build(HttpLayerRouter.serve(ofApi, { disableLogger: true, disableListenLog: true }))
      const { cookie } = yield* send("/count")
      expect((yield* as(cookie)("/count")).body).toBe("2")
    })
  )

  it("shows the cookie and the 503 in the OpenAPI document", () => {
    const document = OpenApi.fromApi(Api)
    expect(document.components.securitySchemes).toEqual({
      session: { type: "apiKey", name: "__Host-id", in: "cookie" }
    })
    expect(Object.keys(document.paths["/count"]!.get!.responses!)).toContain("503")
  })
})
