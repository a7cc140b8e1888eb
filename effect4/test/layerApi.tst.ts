/**
 * Type tests of an `HttpApi`'s sessions: what a sign-in makes is what its service declares, and what it needs is asked
 * for.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import { SessionHttp, type SessionManager, SessionStore } from "../../src/index.js"

class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { user: Schema.String }) {}
class Other extends SessionStore.Tag<Other>()("Other", { admin: Schema.Boolean }) {}
class CurrentUser extends Context.Service<CurrentUser, { readonly name: string }>()("CurrentUser") {}
class Users extends Context.Service<Users, { readonly find: (id: string) => Effect.Effect<{ name: string }> }>()(
  "Users"
) {}
class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}, { httpApiStatus: 401 }) {}

const error = [Unauthorized, ...SessionHttp.Failure] as const

class WithSession extends HttpApiMiddleware.Service<WithSession, { provides: AppSession }>()("WithSession", {
  error: SessionHttp.Failure,
  security: { session: SessionHttp.security() }
}) {}

class SignedIn extends HttpApiMiddleware.Service<SignedIn, { provides: CurrentUser }>()("SignedIn", {
  error,
  security: { session: SessionHttp.security() }
}) {}

class WithoutSecurity extends HttpApiMiddleware.Service<WithoutSecurity, { provides: CurrentUser }>()(
  "WithoutSecurity",
  { error }
) {}

class WithoutError extends HttpApiMiddleware.Service<WithoutError, { provides: CurrentUser }>()("WithoutError", {}) {}

class Guard extends HttpApiMiddleware.Service<Guard>()("Guard", { error }) {}

class Inner extends HttpApiMiddleware.Service<Inner, { provides: CurrentUser; requires: Users }>()("Inner", {
  error
}) {}

const userId = Effect.flatMap(AppSession, (session) => session.get("user")).pipe(
  Effect.flatMap(Option.match({ onNone: () => Effect.fail(new Unauthorized()), onSome: Effect.succeed }))
)
const currentUser = Effect.map(userId, (name) => ({ name }))
const found = Effect.flatMap(userId, (id) => Effect.flatMap(Users, (users) => users.find(id)))

describe("layerApi", () => {
  test("of stores needs the manager, and each store that the service provides", () => {
    expect(SessionHttp.layerApi(WithSession, AppSession)).type.toBe<
      Layer.Layer<WithSession, never, SessionManager.SessionManager>
    >()
    expect(SessionHttp.layerApi(WithSession, Other)).type.toBe<
      Layer.Layer<WithSession, never, SessionManager.SessionManager | AppSession>
    >()
    expect(SessionHttp.layerApi(SignedIn)).type.toBe<
      Layer.Layer<SignedIn, never, SessionManager.SessionManager | CurrentUser>
    >()
  })

  test("needs what its effect needs beside the session and the request", () => {
    expect(SessionHttp.layerApi(SignedIn, Effect.provideServiceEffect(CurrentUser, currentUser), AppSession)).type.toBe<
      Layer.Layer<SignedIn, never, SessionManager.SessionManager>
    >()
    expect(SessionHttp.layerApi(SignedIn, Effect.provideServiceEffect(CurrentUser, found), AppSession)).type.toBe<
      Layer.Layer<SignedIn, never, SessionManager.SessionManager | Users>
    >()
    expect(
      SessionHttp.layerApi(
        SignedIn,
        Effect.provideServiceEffect(
          CurrentUser,
          Effect.tap(found, () => HttpServerRequest)
        ),
        AppSession
      )
    ).type.toBe<Layer.Layer<SignedIn, never, SessionManager.SessionManager | Users>>()
  })

  test("a store that is not named is still needed, and so is what is not provided", () => {
    expect(SessionHttp.layerApi(SignedIn, Effect.provideServiceEffect(CurrentUser, currentUser), Other)).type.toBe<
      Layer.Layer<SignedIn, never, SessionManager.SessionManager | AppSession>
    >()
    expect(
      SessionHttp.layerApi(
        SignedIn,
        Effect.provideServiceEffect(
          CurrentUser,
          Effect.tap(currentUser, () => Other)
        ),
        AppSession,
        Other
      )
    ).type.toBe<Layer.Layer<SignedIn, never, SessionManager.SessionManager>>()
    expect(SessionHttp.layerApi(SignedIn, (app) => Effect.andThen(userId, app), AppSession)).type.toBe<
      Layer.Layer<SignedIn, never, SessionManager.SessionManager | CurrentUser>
    >()
  })

  test("what an outer middleware provides is not needed", () => {
    expect(SessionHttp.layerApi(Inner, Effect.provideServiceEffect(CurrentUser, found), AppSession)).type.toBe<
      Layer.Layer<Inner, never, SessionManager.SessionManager>
    >()
  })

  test("is for middlewares, with security and without", () => {
    const signIn = Effect.provideServiceEffect(CurrentUser, currentUser)
    expect(SessionHttp.layerApi).type.toBeCallableWith(WithoutSecurity, signIn, AppSession)
    expect(SessionHttp.layerApi(Guard, (app) => Effect.andThen(userId, app), AppSession)).type.toBe<
      Layer.Layer<Guard, never, SessionManager.SessionManager>
    >()
    expect(SessionHttp.layerApi).type.not.toBeCallableWith(CurrentUser, signIn, AppSession)
  })

  test("its errors are those that the service declares", () => {
    expect(SessionHttp.layerApi).type.not.toBeCallableWith(
      WithoutError,
      Effect.provideServiceEffect(CurrentUser, currentUser),
      AppSession
    )
    expect(SessionHttp.layerApi).type.toBeCallableWith(
      WithoutError,
      Effect.provideServiceEffect(CurrentUser, Effect.orDie(currentUser)),
      AppSession
    )
    expect(SessionHttp.layerApi).type.not.toBeCallableWith(
      SignedIn,
      Effect.provideServiceEffect(CurrentUser, Effect.andThen(currentUser, Effect.fail("no"))),
      AppSession
    )
  })
})
