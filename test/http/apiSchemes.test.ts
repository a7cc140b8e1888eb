/**
 * An `HttpApi` whose middleware has several security schemes: the platform tries them in turn until one accepts the
 * request.
 */
import { SessionHttp } from "effect-session"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as HttpApi from "#effect/http-api/HttpApi"
import * as HttpApiBuilder from "#effect/http-api/HttpApiBuilder"
import * as HttpApiGroup from "#effect/http-api/HttpApiGroup"
import * as HttpApiSecurity from "#effect/http-api/HttpApiSecurity"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import { failures, get, layerProviding, middleware, serveApi, status } from "#test/api"
import { describe, expect, it } from "#test/vitest"
import { AppSession } from "../support/http.js"
import { build, WithSession, WithSessionLive } from "../support/mounts.js"

class CurrentUser extends Context.Service<CurrentUser, string>()("CurrentUser") {}

class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}, status(401)) {}

/** Counts each request in its session, and accepts those of visitors who have signed in. */
const counted = Effect.gen(function* () {
  const session = yield* AppSession
  yield* session.update("visits", (n) => n + 1)
  return yield* Option.match(yield* session.get("userId"), {
    onNone: () => new Unauthorized(),
    onSome: Effect.succeed
  })
})

const error = [Unauthorized, ...failures] as const
const provides = CurrentUser
const session = SessionHttp.security()
const bearer = HttpApiSecurity.bearer
const key = HttpApiSecurity.apiKey({ key: "x-key" })

class One extends middleware<One>()("One", { provides, error, security: { session } }) {}
class Two extends middleware<Two>()("Two", { provides, error, security: { session, bearer } }) {}
class Three extends middleware<Three>()("Three", { provides, error, security: { key, bearer, session } }) {}

const visits = Effect.flatMap(AppSession, (session) => session.get("visits"))
const login = Effect.flatMap(AppSession, (session) => session.set("userId", "ada"))

const endpoint = <Name extends string>(name: Name) => get(name, `/${name}`, { success: Schema.String })

class Api extends HttpApi.make("api").add(
  HttpApiGroup.make("all")
    .add(endpoint("one").middleware(One))
    .add(endpoint("two").middleware(Two))
    .add(endpoint("three").middleware(Three))
    .add(get("visits", "/visits", { success: Schema.Number }).middleware(WithSession))
    .add(get("login", "/login").middleware(WithSession))
) {}

const Served = serveApi(
  Api,
  HttpApiBuilder.group(Api, "all", (handlers) =>
    handlers
      .handle("one", () => CurrentUser)
      .handle("two", () => CurrentUser)
      .handle("three", () => CurrentUser)
      .handle("visits", () => visits)
      .handle("login", () => login)
  ).pipe(
    Layer.provide([
      WithSessionLive,
      ...[One, Two, Three].map((middleware) => layerProviding(middleware, CurrentUser, counted, AppSession))
    ])
  )
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
