/**
 * Who is signed in, made of the session for the handlers that need it, in each way to mount sessions.
 */
import { SessionError, SessionHttp } from "effect-session"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as HttpLayerRouter from "#effect/http/HttpRouter"
import * as HttpServerRespondable from "#effect/http/HttpServerRespondable"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as HttpApi from "#effect/http-api/HttpApi"
import * as HttpApiBuilder from "#effect/http-api/HttpApiBuilder"
import * as HttpApiGroup from "#effect/http-api/HttpApiGroup"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import { failures, get, layerGuarding, layerProviding, middleware, serveApi, status, Text } from "#test/api"
import * as HttpRouter from "#test/HttpRouter"
import { layerNotFound } from "#test/middleware"
import { describe, expect, it } from "#test/vitest"
import { AppSession, probe, type Server, serve } from "../support/http.js"
import { build, WithSession, WithSessionLive } from "../support/mounts.js"

class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}, status(401)) {
  [HttpServerRespondable.symbol]() {
    return Effect.succeed(HttpServerResponse.empty({ status: 401 }))
  }
}

interface User {
  readonly name: string
}

class CurrentUser extends Context.Service<CurrentUser, User>()("CurrentUser") {}

class Users extends Context.Service<Users, { readonly find: (id: string) => Effect.Effect<User> }>()("Users") {}

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
  HttpRouter.use(Effect.provideServiceEffect(CurrentUser, currentUser)),
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

class SignedIn extends middleware<SignedIn>()("SignedIn", {
  provides: CurrentUser,
  error: [Unauthorized, ...failures],
  security: { session: SessionHttp.security() }
}) {}

const SignedInLive = layerProviding(SignedIn, CurrentUser, currentUser, AppSession)

const answering = <const Name extends string>(name: Name) => get(name, `/${name}`, { success: Text })

class Api extends HttpApi.make("api")
  .add(HttpApiGroup.make("open").add(answering("login")).middleware(WithSession))
  .add(HttpApiGroup.make("alone").add(answering("me")).middleware(SignedIn))
  .add(HttpApiGroup.make("outside").add(answering("count").middleware(SignedIn)).middleware(WithSession))
  .add(HttpApiGroup.make("inside").add(answering("other").middleware(WithSession)).middleware(SignedIn)) {}

const api = serveApi(
  Api,
  Layer.mergeAll(
    HttpApiBuilder.group(Api, "open", (handlers) => handlers.handle("login", () => login)),
    HttpApiBuilder.group(Api, "alone", (handlers) => handlers.handle("me", () => me)),
    HttpApiBuilder.group(Api, "outside", (handlers) => handlers.handle("count", () => count)),
    HttpApiBuilder.group(Api, "inside", (handlers) => handlers.handle("other", () => count))
  ).pipe(Layer.provide([Layer.provide(SignedInLive, UsersLive), WithSessionLive]))
)

const apps: Readonly<
  Record<string, (provider?: ReturnType<typeof probe>["provider"]) => Effect.Effect<Server, any, any>>
> = {
  HttpRouter: (provider) => serve(Effect.provide(router, UsersLive), {}, provider),
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
      class Counting extends middleware<Counting>()("Counting", { error: failures }) {}
      class Counted extends HttpApi.make("counted").add(
        HttpApiGroup.make("all").add(answering("hello")).middleware(Counting)
      ) {}
      const { send } = yield* build(
        serveApi(
          Counted,
          HttpApiBuilder.group(Counted, "all", (_) => _.handle("hello", () => Effect.succeed("hello"))).pipe(
            Layer.provide(
              layerGuarding(
                Counting,
                Effect.flatMap(AppSession, (session) => Effect.asVoid(session.update("visits", (n) => n + 1))),
                AppSession
              )
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
  const NotFoundPage = layerNotFound(Effect.map(page, HttpServerResponse.setStatus(404)))
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
