/**
 * What the platform, or an app's own code beside the sessions, does before a response leaves: the session is saved once
 * and told all the same.
 */
import { SessionHttp } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpEffect from "#effect/http/HttpEffect"
import * as HttpMiddleware from "#effect/http/HttpMiddleware"
import * as HttpLayerRouter from "#effect/http/HttpRouter"
import * as HttpServer from "#effect/http/HttpServer"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { AppSession, managerLayer, probe, serve } from "../support/http.js"
import { build } from "../support/mounts.js"
import { bytesOf, exchange } from "../support/raw.js"

const count = Effect.map(
  Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1)),
  (visits) => HttpServerResponse.text(String(visits))
)
const mount = SessionHttp.middleware(AppSession)
const quiet = { disableLogger: true, disableListenLog: true }

describe("a handler of the app's own that runs before the headers leave", () => {
  const marking =
    (name: string): HttpEffect.PreResponseHandler =>
    (_, response) =>
      Effect.succeed(HttpServerResponse.setHeader(response, name, "was here"))
  const append = (name: string) => HttpEffect.appendPreResponseHandler(marking(name))

  const apps = {
    "registered before the session is used": mount(Effect.andThen(append("x-own"), count)),
    "registered after it was used": mount(Effect.tap(count, () => append("x-own"))),
    "registered outside of the mount": Effect.andThen(append("x-own"), mount(count)),
    "around the mount": HttpEffect.withPreResponseHandler(mount(count), marking("x-own")),
    "around the handler": mount(HttpEffect.withPreResponseHandler(count, marking("x-own"))),
    "registered beside it, at once": mount(
      Effect.map(Effect.all([count, append("x-own")], { concurrency: "unbounded" }), ([response]) => response)
    )
  }

  it.effect.each(Object.keys(apps))("%s: one save, one cookie", (name) =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const { as, send } = yield* serve(apps[name as keyof typeof apps], {}, provider)
      const { cookie, setCookie } = yield* send("/")
      expect(setCookie.length).toBe(1)
      const second = yield* as(cookie)("/")
      expect([second.status, second.body, second.setCookie]).toEqual([200, "2", []])
      expect(calls).toEqual(["create", "read", "write"])
    })
  )

  it.effect.each([
    ["fails", Effect.fail(HttpServerResponse.empty({ status: 500 }))],
    ["dies", Effect.die(new Error("no"))]
  ] as const)("and %s: what was saved stands, and was saved once", ([, outcome]) =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const failing = HttpEffect.appendPreResponseHandler((request, response) =>
        request.url.includes("fails") ? (outcome as Effect.Effect<never, never>) : Effect.succeed(response)
      )
      // Without a middleware of the server the platform leaves the client waiting.
      const { as, send } = yield* build(
        HttpServer.serve(mount(Effect.andThen(failing, count)), HttpMiddleware.logger),
        provider
      )
      const { cookie } = yield* send("/")
      expect((yield* as(cookie)("/fails")).status).toBe(500)
      expect((yield* as(cookie)("/")).body).toBe("3")
      expect(calls).toEqual(["create", "read", "write", "read", "write"])
    })
  )
})

describe("a middleware of the server, which comes too late to change the response", () => {
  it.effect("does not take the cookie away", () =>
    Effect.gen(function* () {
      const { as, send } = yield* build(
        HttpServer.serve(mount(count), (app) => Effect.as(app, HttpServerResponse.empty({ status: 418 })))
      )
      const { body, cookie, status } = yield* send("/")
      expect([status, body]).toEqual([200, "1"])
      expect((yield* as(cookie)("/")).body).toBe("2")
    })
  )
})

describe("a router's middlewares", () => {
  const route = HttpLayerRouter.add("GET", "/count", count)
  const unused = HttpLayerRouter.add("GET", "/unused", HttpServerResponse.empty())
  const cors = HttpLayerRouter.cors({ allowedOrigins: ["https://example.org"], credentials: true })
  const mounts = {
    "chosen routes": Layer.provide(Layer.merge(route, unused), SessionHttp.routerMiddleware(AppSession).layer),
    "all routes": Layer.provide(
      Layer.merge(route, unused),
      SessionHttp.routerMiddleware(AppSession, { global: true })
    ) as Layer.Layer<never, never, any>
  }

  it.effect.each(Object.keys(mounts))("for %s: OPTIONS, CORS, 404 and an unused session make none", (name) =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const routes = Layer.merge(mounts[name as keyof typeof mounts], cors)
      const { send } = yield* build(HttpLayerRouter.serve(routes, quiet), provider)
      const origin = { origin: "https://example.org" }
      for (const [method, path, status] of [
        ["OPTIONS", "/count", 204],
        ["HEAD", "/unused", 204],
        ["GET", "/unused", 204],
        ["GET", "/nowhere", 404],
        ["POST", "/count", 404]
      ] as const) {
        const answer = yield* send(path, { method, headers: { ...origin, cookie: `__Host-id=${"A".repeat(43)}` } })
        expect([method, path, answer.status, answer.setCookie]).toEqual([method, path, status, []])
      }
      expect(calls).toEqual([])
      const counted = yield* send("/count", { headers: origin })
      expect(counted.headers["access-control-allow-origin"]).toBe("https://example.org")
      expect(counted.setCookie.length).toBe(1)
      // HEAD runs the GET handler, so it changes what GET changes.
      expect((yield* send("/count", { method: "HEAD" })).setCookie.length).toBe(1)
    })
  )

  it.effect("a handler can have a mount of its own, with the manager from outside of the server", () =>
    Effect.gen(function* () {
      const own = HttpLayerRouter.add("GET", "/own", mount(count))
      const { as, send } = yield* build(HttpLayerRouter.serve(own as Layer.Layer<never, never, any>, quiet))
      const { cookie } = yield* send("/own")
      expect((yield* as(cookie)("/own")).body).toBe("2")
    })
  )

  it.effect("the next request of a connection, without the session, has none", () =>
    Effect.gen(function* () {
      const plain = HttpLayerRouter.add(
        "GET",
        "/plain",
        Effect.map(Effect.serviceOption(AppSession), (session) => HttpServerResponse.text(session._tag))
      )
      const routes = Layer.merge(mounts["chosen routes"], plain)
      const { url } = yield* build(HttpLayerRouter.serve(routes, quiet))
      const both = bytesOf("GET", "/count", {}) + bytesOf("GET", "/plain", { connection: "close" })
      const { body, setCookie } = yield* exchange(url, both)
      expect(setCookie.length).toBe(1)
      expect(body).toMatch(/None$/)
    })
  )
})

describe("a request without a server", () => {
  it.effect("is saved, and its response tells so", () =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const manager = yield* Layer.build(managerLayer({}, provider))
      const run = (cookie: string) =>
        Effect.provideService(
          mount(count),
          HttpServerRequest.HttpServerRequest,
          HttpServerRequest.fromWeb(new Request("http://localhost/", { headers: { cookie } }))
        ).pipe(Effect.map(HttpServerResponse.toWeb), Effect.provide(manager))
      const [line] = (yield* run("")).headers.getSetCookie()
      const second = yield* run(line!.split(";")[0]!)
      expect(yield* Effect.promise(() => second.text())).toBe("2")
      expect(calls).toEqual(["create", "read", "write"])
    })
  )
})

describe("who says that they came by https or http", () => {
  it.effect.each(["http", "https", "javascript"])("x-forwarded-proto: %s does not change the cookie", (proto) =>
    Effect.gen(function* () {
      const app = HttpRouter.empty.pipe(HttpRouter.get("/", count), HttpRouter.use(mount))
      const { send } = yield* serve(app)
      const headers = { "x-forwarded-proto": proto, "x-forwarded-host": "example.org" }
      const [line] = (yield* send("/", { headers })).setCookie
      expect(line).toMatch(/^__Host-id=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    })
  )
})
