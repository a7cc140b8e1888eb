/**
 * Type tests of an `HttpApi`'s sessions: what a sign-in makes is what its tag declares, and what it needs is asked for.
 */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import { SessionHttp, type SessionManager, SessionStore } from "../../src/index.js"

class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { user: Schema.String }) {}
class Other extends SessionStore.Tag<Other>()("Other", { admin: Schema.Boolean }) {}
class CurrentUser extends Context.Tag("CurrentUser")<CurrentUser, { readonly name: string }>() {}
class Users extends Context.Tag("Users")<Users, { readonly find: (id: string) => Effect.Effect<{ name: string }> }>() {}
class Unauthorized extends Schema.TaggedError<Unauthorized>()(
  "Unauthorized",
  {},
  HttpApiSchema.annotations({ status: 401 })
) {}

class SignedIn extends HttpApiMiddleware.Tag<SignedIn>()("SignedIn", {
  provides: CurrentUser,
  failure: Schema.Union(Unauthorized, SessionHttp.Failure),
  security: { session: SessionHttp.security() }
}) {}

class WithoutSecurity extends HttpApiMiddleware.Tag<WithoutSecurity>()("WithoutSecurity", {
  provides: CurrentUser,
  failure: Schema.Union(Unauthorized, SessionHttp.Failure)
}) {}

class WithoutFailure extends HttpApiMiddleware.Tag<WithoutFailure>()("WithoutFailure", { provides: CurrentUser }) {}

class Guard extends HttpApiMiddleware.Tag<Guard>()("Guard", {
  failure: Schema.Union(Unauthorized, SessionHttp.Failure)
}) {}

class Visitor extends HttpApiMiddleware.Tag<Visitor>()("Visitor", { provides: CurrentUser, optional: true }) {}

const userId = Effect.flatMap(AppSession, (session) => session.get("user")).pipe(
  Effect.flatMap(Option.match({ onNone: () => new Unauthorized(), onSome: Effect.succeed }))
)
const currentUser = Effect.map(userId, (name) => ({ name }))
const found = Effect.flatMap(userId, (id) => Effect.flatMap(Users, (users) => users.find(id)))

describe("layerApi", () => {
  test("needs the manager, and what its effect needs beside the session and the request", () => {
    expect(SessionHttp.layerApi(SignedIn, currentUser, AppSession)).type.toBe<
      Layer.Layer<SignedIn, never, SessionManager.SessionManager>
    >()
    expect(SessionHttp.layerApi(SignedIn, found, AppSession)).type.toBe<
      Layer.Layer<SignedIn, never, SessionManager.SessionManager | Users>
    >()
    expect(
      SessionHttp.layerApi(
        SignedIn,
        Effect.tap(found, () => HttpServerRequest),
        AppSession
      )
    ).type.toBe<Layer.Layer<SignedIn, never, SessionManager.SessionManager | Users>>()
  })

  test("a store that is not named is still needed", () => {
    expect(SessionHttp.layerApi(SignedIn, currentUser, Other)).type.toBe<
      Layer.Layer<SignedIn, never, SessionManager.SessionManager | AppSession>
    >()
    expect(
      SessionHttp.layerApi(
        SignedIn,
        Effect.tap(currentUser, () => Other),
        AppSession,
        Other
      )
    ).type.toBe<Layer.Layer<SignedIn, never, SessionManager.SessionManager>>()
  })

  test("what it makes is what the tag provides", () => {
    expect(SessionHttp.layerApi).type.not.toBeCallableWith(SignedIn, userId, AppSession)
    expect(SessionHttp.layerApi).type.toBeCallableWith(WithoutSecurity, currentUser, AppSession)
    expect(SessionHttp.layerApi).type.not.toBeCallableWith(WithoutSecurity, userId, AppSession)
    expect(SessionHttp.layerApi).type.toBeCallableWith(Guard, Effect.asVoid(userId), AppSession)
    expect(SessionHttp.layerApi).type.not.toBeCallableWith(SignedIn)
    expect(SessionHttp.layerApi).type.not.toBeCallableWith(CurrentUser, currentUser, AppSession)
  })

  test("its errors are those that the tag declares", () => {
    expect(SessionHttp.layerApi).type.not.toBeCallableWith(WithoutFailure, currentUser, AppSession)
    expect(SessionHttp.layerApi).type.toBeCallableWith(WithoutFailure, Effect.orDie(currentUser), AppSession)
    expect(SessionHttp.layerApi).type.not.toBeCallableWith(
      SignedIn,
      Effect.tap(currentUser, Effect.fail("no")),
      AppSession
    )
    // The platform goes on without it, whatever it fails with.
    expect(SessionHttp.layerApi).type.toBeCallableWith(Visitor, currentUser, AppSession)
  })
})
