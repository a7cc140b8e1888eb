/**
 * One request in another, one request twice, and several mounts in one request.
 */

import { SessionHttp, SessionManager, SessionStore } from "effect-session"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as HttpEffect from "#effect/http/HttpEffect"
import * as HttpServer from "#effect/http/HttpServer"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as HttpApi from "#effect/http-api/HttpApi"
import * as HttpApiBuilder from "#effect/http-api/HttpApiBuilder"
import * as HttpApiGroup from "#effect/http-api/HttpApiGroup"
import * as Layer from "#effect/Layer"
import * as Schema from "#effect/Schema"
import { appOf, get } from "#test/api"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import type { App } from "../support/app.js"
import { AppSession, managerLayer, probe, serve } from "../support/http.js"
import { build, WithSession, WithSessionLive } from "../support/mounts.js"
import { bytesOf, exchange } from "../support/raw.js"

const visit = Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1))
const text = (value: unknown) => HttpServerResponse.text(String(value))

const api = HttpRouter.empty.pipe(
  HttpRouter.get("/visit", Effect.map(visit, text)),
  HttpRouter.get(
    "/read",
    Effect.map(
      Effect.flatMap(AppSession, (session) => session.get("visits")),
      text
    )
  ),
  HttpRouter.get(
    "/login",
    Effect.flatMap(AppSession, (session) => Effect.as(session.regenerate, text("in")))
  ),
  HttpRouter.get("/refused", Effect.andThen(visit, Effect.fail(HttpServerResponse.empty({ status: 403 })))),
  HttpRouter.get("/fails", Effect.as(visit, HttpServerResponse.empty({ status: 500 }))),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

/** Runs an app with requests of its own, each with the cookie of the request that this one came in. */
const batch = <E, R>(app: App<E, R>, paths: ReadonlyArray<string>, concurrency: number | "unbounded" = 1) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
    Effect.forEach(
      paths,
      (path) =>
        Effect.provideService(
          app,
          HttpServerRequest.HttpServerRequest,
          HttpServerRequest.fromWeb(
            new Request(`http://localhost${path}`, { headers: { cookie: headers["cookie"] ?? "" } })
          )
        ),
      { concurrency }
    )
  )

/** What the parts of a batch answered, and how many cookies each set. */
const shown = (responses: ReadonlyArray<HttpServerResponse.HttpServerResponse>) =>
  Effect.map(
    Effect.promise(() =>
      Promise.all(
        responses.map(async (response) => {
          const web = HttpServerResponse.toWeb(response)
          return [web.status, await web.text(), web.headers.getSetCookie().length] as const
        })
      )
    ),
    HttpServerResponse.jsonUnsafe
  )

describe("a batch, which runs the app's own routes with requests of its own", () => {
  const routes = (paths: ReadonlyArray<string>, concurrency: number | "unbounded" = 1) =>
    HttpRouter.empty.pipe(
      HttpRouter.get("/batch", Effect.flatMap(batch(api, paths, concurrency), shown)),
      HttpRouter.get("/mounted", SessionHttp.middleware(AppSession)(Effect.flatMap(batch(api, paths), shown))),
      HttpRouter.get(
        "/mounted-and-used",
        SessionHttp.middleware(AppSession)(
          Effect.tap(Effect.flatMap(batch(api, paths), shown), visit) as App<unknown, AppSession>
        )
      ),
      HttpRouter.mount("/", api)
    )

  it.effect.each(["/batch", "/mounted"])("each part sees what those before it have saved: %s", (path) =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const { as, send } = yield* serve(routes(["/visit", "/visit", "/visit"]), {}, provider)
      const { cookie } = yield* send("/visit")
      calls.length = 0
      const answer = yield* as(cookie)(path)
      expect(JSON.parse(answer.body)).toEqual([
        [200, "2", 0],
        [200, "3", 0],
        [200, "4", 0]
      ])
      expect(answer.setCookie).toEqual([])
      expect(calls).toEqual(["read", "write", "read", "write", "read", "write"])
      expect((yield* as(cookie)("/read")).body).toBe("4")
    })
  )

  it.effect("parts at once lose nothing", () =>
    Effect.gen(function* () {
      const { as, send } = yield* serve(routes(Array(20).fill("/visit"), "unbounded"))
      const { cookie } = yield* send("/visit")
      yield* as(cookie)("/batch")
      expect((yield* as(cookie)("/read")).body).toBe("21")
    })
  )

  it.effect("beside changes of the request itself", () =>
    Effect.gen(function* () {
      const { as, send } = yield* serve(routes(["/visit", "/visit", "/visit"]))
      const { cookie } = yield* send("/visit")
      expect((yield* as(cookie)("/mounted-and-used")).status).toBe(200)
      expect((yield* as(cookie)("/read")).body).toBe("5")
    })
  )

  it.effect("a part's cookie is in its own response", () =>
    Effect.gen(function* () {
      const { as, send } = yield* serve(routes(["/visit", "/login", "/read"]))
      const anonymous = yield* send("/batch")
      expect([JSON.parse(anonymous.body), anonymous.setCookie]).toEqual([
        [
          [200, "1", 1],
          [200, "in", 0],
          [200, "0", 0]
        ],
        []
      ])
      const { cookie } = yield* send("/visit")
      expect(JSON.parse((yield* as(cookie)("/batch")).body)).toEqual([
        [200, "2", 0],
        [200, "in", 1],
        [200, "0", 0]
      ])
    })
  )

  it.effect("a part's response decides for the part", () =>
    Effect.gen(function* () {
      const { as, send } = yield* serve(
        HttpRouter.empty.pipe(
          HttpRouter.get("/batch", Effect.as(batch(api, ["/fails", "/visit", "/refused"]), text("done"))),
          HttpRouter.mount("/", api)
        )
      )
      const { cookie } = yield* send("/visit")
      expect((yield* as(cookie)("/batch")).status).toBe(403)
      expect((yield* as(cookie)("/read")).body).toBe("3")
    })
  )

  // The middleware of an HttpApi by itself saves at the end of the request that the server got.
  it.effect("of an HttpApi, with SessionHttp.middleware around it", () =>
    Effect.gen(function* () {
      class Api extends HttpApi.make("api").add(
        HttpApiGroup.make("visits")
          .add(get("visit", "/visit", { success: Schema.Number }))
          .middleware(WithSession)
      ) {}
      const implemented = HttpApiBuilder.group(Api, "visits", (handlers) => handlers.handle("visit", () => visit))
      const served = Layer.unwrap(
        Effect.map(appOf(Api, Layer.provide(implemented, WithSessionLive)), (api) => {
          const app = SessionHttp.middleware(AppSession)(api)
          return HttpServer.serve(
            HttpRouter.empty.pipe(
              HttpRouter.get("/batch", Effect.flatMap(batch(app, ["/visit", "/visit", "/visit"]), shown)),
              HttpRouter.mountApp("/api", app)
            )
          )
        })
      )
      const { as, send } = yield* build(served)
      const { cookie } = yield* send("/api/visit")
      expect(JSON.parse((yield* as(cookie)("/batch")).body)).toEqual([
        [200, "2", 0],
        [200, "3", 0],
        [200, "4", 0]
      ])
      expect((yield* as(cookie)("/api/visit")).body).toBe("5")
    })
  )
})

describe("one Request object", () => {
  const begin = Effect.gen(function* () {
    const { dispose, handler } = HttpEffect.toWebHandlerLayer(api, managerLayer())
    yield* Effect.addFinalizer(() => Effect.promise(dispose))
    const first = yield* Effect.promise(() => handler(new Request("http://localhost/visit")))
    return { handler, cookie: first.headers.getSetCookie()[0]!.split(";")[0]! }
  })

  it.effect.each(["as it is", "frozen", "sealed"])("handled twice, %s", (how) =>
    Effect.gen(function* () {
      const { cookie, handler } = yield* begin
      const request = new Request("http://localhost/visit", { headers: { cookie } })
      if (how === "frozen") Object.freeze(request)
      if (how === "sealed") Object.seal(request)
      const answers: Array<string> = []
      for (let i = 0; i < 3; i++) {
        const response = yield* Effect.promise(() => handler(request))
        answers.push(`${response.status} ${yield* Effect.promise(() => response.text())}`)
      }
      expect(answers).toEqual(["200 2", "200 3", "200 4"])
    })
  )

  it.effect("handled twice at once counts twice", () =>
    Effect.gen(function* () {
      const { cookie, handler } = yield* begin
      const request = new Request("http://localhost/visit", { headers: { cookie } })
      yield* Effect.promise(() => Promise.all([handler(request), handler(request)]))
      const read = new Request("http://localhost/read", { headers: { cookie } })
      expect(yield* Effect.promise(async () => (await handler(read)).text())).toBe("3")
    })
  )

  it.effect("shows nothing of the session", () =>
    Effect.gen(function* () {
      const { cookie, handler } = yield* begin
      const request = new Request("http://localhost/visit", { headers: { cookie } })
      const before = Object.keys(request)
      yield* Effect.promise(() => handler(request))
      expect(Object.keys(request)).toEqual(before)
      expect(JSON.stringify(request)).toBe("{}")
    })
  )
})

describe("several mounts in one request", () => {
  class Cart extends SessionStore.Tag<Cart>()("Cart", {
    items: SessionStore.field(Schema.Int, { default: () => 0 })
  }) {}
  const item = Effect.flatMap(Cart, (cart) => cart.update("items", (n) => n + 1))

  it.effect("side by side, of one manager: one session, and each sees what the other has done", () =>
    Effect.gen(function* () {
      const mount = SessionHttp.middleware(AppSession)
      const app = HttpRouter.empty.pipe(
        HttpRouter.get(
          "/",
          Effect.gen(function* () {
            yield* mount(Effect.map(visit, text))
            return yield* mount(Effect.map(visit, text))
          })
        )
      )
      const { as, send } = yield* serve(app)
      const first = yield* send("/")
      expect([first.body, first.setCookie.length]).toEqual(["2", 1])
      expect((yield* as(first.cookie)("/")).body).toBe("4")
    })
  )

  it.effect("side by side at once", () =>
    Effect.gen(function* () {
      const mount = SessionHttp.middleware(AppSession)(Effect.map(visit, text))
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/", Effect.as(Effect.all([mount, mount, mount], { concurrency: "unbounded" }), text("done"))),
        HttpRouter.get("/read", SessionHttp.middleware(AppSession)(Effect.map(visit, text)))
      )
      const { as, send } = yield* serve(app)
      const first = yield* send("/")
      expect(first.setCookie.length).toBe(1)
      expect((yield* as(first.cookie)("/read")).body).toBe("4")
    })
  )

  it.effect("one in the other, with other stores: one session, saved once", () =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const app = SessionHttp.middleware(AppSession)(
        Effect.zip(visit, SessionHttp.middleware(Cart)(Effect.map(item, text))).pipe(
          Effect.map(([visits, response]) => HttpServerResponse.setHeader(response, "x-visits", String(visits)))
        )
      )
      const { as, send } = yield* serve(app, {}, provider)
      const { cookie } = yield* send("/")
      calls.length = 0
      const second = yield* as(cookie)("/")
      expect([second.body, second.headers["x-visits"], calls]).toEqual(["2", "2", ["read", "write"]])
    })
  )

  it.effect("of two managers, each with a backend, a cookie and a store of its own", () =>
    Effect.gen(function* () {
      const [one, two] = [probe(), probe()]
      const admin = yield* Layer.build(managerLayer({ cookie: { name: "admin" } }, two.provider))
      const ofAdmin = Effect.provideService(
        SessionHttp.middleware(Cart)(Effect.map(item, text)),
        SessionManager.SessionManager,
        Context.get(admin, SessionManager.SessionManager)
      )
      const app = SessionHttp.middleware(AppSession)(
        Effect.zipWith(visit, ofAdmin, (visits, response) =>
          HttpServerResponse.setHeader(response, "x-visits", String(visits))
        )
      )
      const { as, url } = yield* serve(app, { cookie: { name: "app" } }, one.provider)
      const first = yield* exchange(url, bytesOf("GET", "/", { connection: "close" }))
      expect(first.setCookie.map((line) => line.split("=")[0]).sort()).toEqual(["admin", "app"])
      const cookies = first.setCookie.map((line) => line.split(";")[0]!)
      const second = yield* as(cookies.join("; "))("/")
      expect([second.body, second.headers["x-visits"], second.setCookie]).toEqual(["2", "2", []])
      expect([one.calls, two.calls]).toEqual([
        ["create", "read", "write"],
        ["create", "read", "write"]
      ])
      const alone = yield* as(cookies.find((cookie) => cookie.startsWith("admin"))!)("/")
      expect([alone.body, alone.headers["x-visits"]]).toEqual(["3", "1"])
    })
  )
})
