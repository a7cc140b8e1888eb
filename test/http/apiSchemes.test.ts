/**
 * An `HttpApi` whose middleware has several security schemes: the platform tries them in turn until one accepts the
 * request.
 */
import { SessionHttp } from "effect-session"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as HttpApi from "#effect/http-api/HttpApi"
import * as HttpApiBuilder from "#effect/http-api/HttpApiBuilder"
import * as HttpApiEndpoint from "#effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "#effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "#effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "#effect/http-api/HttpApiSchema"
import * as HttpApiSecurity from "#effect/http-api/HttpApiSecurity"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import { describe, expect, it } from "#test/vitest"
import { AppSession } from "../support/http.js"
import { build, WithSession } from "../support/mounts.js"

class CurrentUser extends Context.Service<CurrentUser, string>()("CurrentUser") {}

class Unauthorized extends Schema.TaggedError<Unauthorized>()(
  "Unauthorized",
  {},
  HttpApiSchema.annotations({ status: 401 })
) {}

/** Counts each request in its session, and accepts those of visitors who have signed in. */
const counted = Effect.gen(function* () {
  const session = yield* AppSession
  yield* session.update("visits", (n) => n + 1)
  return yield* Option.match(yield* session.get("userId"), {
    onNone: () => new Unauthorized(),
    onSome: Effect.succeed
  })
})

const options = {
  provides: CurrentUser,
  failure: Schema.Union([Unauthorized, SessionHttp.Failure])
} as const
const session = SessionHttp.security()
const bearer = HttpApiSecurity.bearer
const key = HttpApiSecurity.apiKey({ key: "x-key" })

class One extends HttpApiMiddleware.Tag<One>()("One", { ...options, security: { session } }) {}
class Two extends HttpApiMiddleware.Tag<Two>()("Two", { ...options, security: { session, bearer } }) {}
class Three extends HttpApiMiddleware.Tag<Three>()("Three", { ...options, security: { key, bearer, session } }) {}

const visits = Effect.flatMap(AppSession, (session) => session.get("visits"))
const login = Effect.flatMap(AppSession, (session) => session.set("userId", "ada"))

const endpoint = <Name extends string>(name: Name) => HttpApiEndpoint.get(name, `/${name}`).addSuccess(Schema.String)

class Api extends HttpApi.make("api").add(
  HttpApiGroup.make("all")
    .add(endpoint("one").middleware(One))
    .add(endpoint("two").middleware(Two))
    .add(endpoint("three").middleware(Three))
    .add(HttpApiEndpoint.get("visits", "/visits").addSuccess(Schema.Number).middleware(WithSession))
    .add(HttpApiEndpoint.get("login", "/login").middleware(WithSession))
) {}

const Served = HttpApiBuilder.serve().pipe(
  Layer.provide(HttpApiBuilder.api(Api)),
  Layer.provide(
    HttpApiBuilder.group(Api, "all", (handlers) =>
      handlers
        .handle("one", () => CurrentUser)
        .handle("two", () => CurrentUser)
        .handle("three", () => CurrentUser)
        .handle("visits", () => visits)
        .handle("login", () => login)
    )
  ),
  Layer.provide([
    SessionHttp.layerApi(WithSession),
    SessionHttp.layerApi(One, counted, AppSession),
    SessionHttp.layerApi(Two, counted, AppSession),
    SessionHttp.layerApi(Three, counted, AppSession)
  ])
)

describe.each(["one", "two", "three"])("a middleware with %s of them", (path) => {
  it.effect("runs its effect once for a request, whether it accepts the request or not", () =>
    Effect.gen(function* () {
      const { as, send } = yield* build(Served)
      const refused = yield* send(`/${path}`)
      expect([refused.status, JSON.parse(refused.body)]).toEqual([401, { _tag: "Unauthorized" }])
      const me = as(refused.cookie)
      expect((yield* me("/visits")).body).toBe("1")
      yield* me("/login")
      const accepted = yield* me(`/${path}`)
      expect([accepted.status, accepted.body]).toEqual([200, '"ada"'])
      expect((yield* me("/visits")).body).toBe("2")
    })
  )
})
