/**
 * Who is signed in, made of the session for the handlers that need it, in each way to mount sessions.
 */
import { SessionError, SessionHttp } from "effect-session"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as HttpLayerRouter from "#effect/http/HttpRouter"
import type * as HttpServerError from "#effect/http/HttpServerError"
import * as HttpServerRespondable from "#effect/http/HttpServerRespondable"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as HttpApi from "#effect/http-api/HttpApi"
import * as HttpApiBuilder from "#effect/http-api/HttpApiBuilder"
import * as HttpApiEndpoint from "#effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "#effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "#effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "#effect/http-api/HttpApiSchema"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { AppSession, probe, type Server, serve } from "../support/http.js"
import { build, WithSession } from "../support/mounts.js"

class Unauthorized extends Schema.TaggedError<Unauthorized>()(
  "Unauthorized",
  {},
  HttpApiSchema.annotations({ status: 401 })
) {
  [HttpServerRespondable.symbol]() {
    return HttpServerResponse.empty({ status: 401 })
  }
}

interface User {
  readonly name: string
}

class CurrentUser extends Context.Service<CurrentUser, User>()("CurrentUser") {}

class Users extends Context.Tag("Users")<Users, { readonly find: (id: string) => Effect.Effect<User> }>() {}

const UsersLive = Layer.succeed(Users, { find: (id) => Effect.succeed({ name: `${id} of the users` }) })

const currentUser = Effect.flatMap(AppSession, (session) => session.get("userId")).pipe(
  Effect.flatMap(Option.match({ onNone: () => new Unauthorized(), onSome: Effect.succeed })),
  Effect.flatMap((id) => Effect.flatMap(Users, (users) => users.find(id)))
)

const me = Effect.map(CurrentUser, ({ name }) => name)

const login = Effect.flatMap(AppSession, (session) =>
  Effect.andThen(session.regenerate, Effect.as(session.set("userId", "ada"), "in"))
)

/** Uses the session beside the user: `count` is of a handler that has both. */
const count = Effect.flatMap(AppSession, (session) =>
  Effect.zipWith(
    me,
    session.update("visits", (n) => n + 1),
    (name, visits) => `${name} ${visits}`
  )
)

const text = <E, R>(handler: Effect.Effect<string, E, R>) =>
  Effect.map(handler, (body) => HttpServerResponse.text(body))

const router = HttpRouter.empty.pipe(
  HttpRouter.get("/me", text(me)),
  HttpRouter.get("/count", text(count)),
  HttpRouter.provideServiceEffect(CurrentUser, currentUser),
  HttpRouter.get("/login", text(login)),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

const SignedInRoutes = HttpLayerRouter.middleware<{ provides: CurrentUser }>()(
  Effect.map(Users, (users) =>
    Effect.provideServiceEffect(CurrentUser, Effect.provideService(currentUser, Users, users))
  )
).combine(SessionHttp.routerMiddleware(AppSession))

const layerRouter = HttpLayerRouter.serve(
  Layer.merge(
    Layer.provide(
      Layer.merge(HttpLayerRouter.add("GET", "/me", text(me)), HttpLayerRouter.add("GET", "/count", text(count))),
      SignedInRoutes.layer
    ),
    Layer.provide(HttpLayerRouter.add("GET", "/login", text(login)), SessionHttp.routerMiddleware(AppSession).layer)
  ),
  { disableLogger: true, disableListenLog: true }
).pipe(Layer.provide(UsersLive))

class SignedIn extends HttpApiMiddleware.Tag<SignedIn>()("SignedIn", {
  provides: CurrentUser,
  failure: Schema.Union([Unauthorized, SessionHttp.Failure]),
  security: { session: SessionHttp.security() }
}) {}

const SignedInLive = SessionHttp.layerApi(SignedIn, currentUser, AppSession)

const get = <const Name extends string>(name: Name) =>
  HttpApiEndpoint.get(name, `/${name}`).addSuccess(HttpApiSchema.Text())

class Api extends HttpApi.make("api")
  .add(HttpApiGroup.make("open").add(get("login")).middleware(WithSession))
  .add(HttpApiGroup.make("alone").add(get("me")).middleware(SignedIn))
  .add(HttpApiGroup.make("outside").add(get("count").middleware(SignedIn)).middleware(WithSession))
  .add(HttpApiGroup.make("inside").add(get("other").middleware(WithSession)).middleware(SignedIn)) {}

const api = HttpApiBuilder.serve().pipe(
  Layer.provide(HttpApiBuilder.api(Api)),
  Layer.provide([
    HttpApiBuilder.group(Api, "open", (handlers) => handlers.handle("login", () => login)),
    HttpApiBuilder.group(Api, "alone", (handlers) => handlers.handle("me", () => me)),
    HttpApiBuilder.group(Api, "outside", (handlers) => handlers.handle("count", () => count)),
    HttpApiBuilder.group(Api, "inside", (handlers) => handlers.handle("other", () => count))
  ]),
  Layer.provide([SignedInLive, SessionHttp.layerApi(WithSession)]),
  Layer.provide(UsersLive)
)

const apps: Readonly<
  Record<string, (provider?: ReturnType<typeof probe>["provider"]) => Effect.Effect<Server, any, any>>
> = {
  HttpRouter: (provider) => serve(Effect.provide(router, UsersLive) as any, {}, provider),
  HttpLayerRouter: (provider) => build(layerRouter, provider),
  HttpApi: (provider) => build(api, provider)
}

for (const [name, app] of Object.entries(apps)) {
  describe(name, () => {
    it.effect("a visitor who is not signed in gets a 401 and no cookie, and costs the backend nothing", () =>
      Effect.gen(function* () {
        const { calls, provider } = probe()
        const { send } = yield* app(provider)
        const answer = yield* send("/me")
        expect(answer.status).toBe(401)
        expect(answer.setCookie).toEqual([])
        expect(calls).toEqual([])
      })
    )

    it.effect("who has signed in is found; beside the session it is one session, one save and one cookie", () =>
      Effect.gen(function* () {
        const { calls, provider } = probe()
        const { as, send } = yield* app(provider)
        const { cookie, setCookie } = yield* send("/login")
        expect(setCookie.length).toBe(1)
        expect((yield* as(cookie)("/me")).body).toBe("ada of the users")
        const counted = yield* as(cookie)("/count")
        expect([counted.status, counted.body, counted.setCookie]).toEqual([200, "ada of the users 1", []])
        expect(calls).toEqual(["create", "read", "read", "write"])
      })
    )

    it.effect("a backend that is away is a 503, not a 401", () =>
      Effect.gen(function* () {
        let away = false
        const { provider } = probe((inner) => ({
          read: (id) => (away ? new SessionError({ reason: "Unavailable", message: "probe: away" }) : inner.read(id))
        }))
        const { as, send } = yield* app(provider)
        const { cookie } = yield* send("/login")
        away = true
        expect((yield* as(cookie)("/me")).status).toBe(503)
        expect((yield* as(cookie)("/count")).status).toBe(503)
      })
    )
  })
}

describe("HttpApi", () => {
  it.effect("clients see the errors that are declared, whichever middleware is outside", () =>
    Effect.gen(function* () {
      const { as, send } = yield* build(api)
      for (const path of ["/me", "/count", "/other"]) {
        expect((yield* send(path)).body).toBe(`{"_tag":"Unauthorized"}`)
      }
      const { cookie } = yield* send("/login")
      expect((yield* as(cookie)("/count")).body).toBe("ada of the users 1")
      expect((yield* as(cookie)("/other")).body).toBe("ada of the users 2")
    })
  )

  it.effect("a save that fails is answered as declared, also where only the sign-in uses the session", () =>
    Effect.gen(function* () {
      const { provider } = probe(() => ({
        create: () => new SessionError({ reason: "Unavailable", message: "probe: away" })
      }))
      class Counting extends HttpApiMiddleware.Tag<Counting>()("Counting", { failure: SessionHttp.Failure }) {}
      class Counted extends HttpApi.make("counted").add(
        HttpApiGroup.make("all").add(get("hello")).middleware(Counting)
      ) {}
      const { send } = yield* build(
        HttpApiBuilder.serve().pipe(
          Layer.provide(HttpApiBuilder.api(Counted)),
          Layer.provide(HttpApiBuilder.group(Counted, "all", (_) => _.handle("hello", () => Effect.succeed("hello")))),
          Layer.provide(
            SessionHttp.layerApi(
              Counting,
              Effect.flatMap(AppSession, (session) => Effect.asVoid(session.update("visits", (n) => n + 1))),
              AppSession
            )
          )
        ),
        provider
      )
      const answer = yield* send("/hello")
      expect([answer.status, answer.body]).toEqual([503, `{"_tag":"SessionError","reason":"Unavailable"}`])
    })
  )
})

describe("HttpLayerRouter, for all routes", () => {
  const page = text(
    Effect.flatMap(AppSession, (session) =>
      Effect.map(
        session.update("visits", (n) => n + 1),
        (visits) => `lost ${visits}`
      )
    )
  )
  const NotFoundPage = HttpLayerRouter.middleware<{ handles: HttpServerError.RouteNotFound }>()(
    (app) => Effect.catchTag(app, "RouteNotFound", () => Effect.map(page, HttpServerResponse.setStatus(404))),
    { global: true }
  )
  const served = HttpLayerRouter.serve(
    Layer.mergeAll(HttpLayerRouter.add("GET", "/count", page), NotFoundPage).pipe(
      Layer.provide(SessionHttp.routerMiddleware(AppSession, { global: true }))
    ),
    { disableLogger: true, disableListenLog: true }
  )

  it.effect("a page that is not found has the session, and what it changes is saved", () =>
    Effect.gen(function* () {
      const { as, send } = yield* build(served)
      const first = yield* send("/nowhere")
      expect([first.status, first.body, first.setCookie.length]).toEqual([404, "lost 1", 1])
      expect((yield* as(first.cookie)("/count")).body).toBe("lost 2")
      expect((yield* as(first.cookie)("/nowhere")).body).toBe("lost 3")
    })
  )
})
