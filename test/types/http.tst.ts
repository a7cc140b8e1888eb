/**
 * Type tests of mounting on a router: what needs the session has it.
 */
import { describe, expect, test } from "tstyche"
import * as Effect from "#effect/Effect"
import * as HttpLayerRouter from "#effect/http/HttpRouter"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Schema from "#effect/Schema"
import { type SessionError, SessionHttp, type SessionManager, SessionStore } from "../../src/index.js"

class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { user: Schema.String }) {}
class Other extends SessionStore.Tag<Other>()("Other", { admin: Schema.Boolean }) {}

describe("routerMiddleware", () => {
  test("for chosen routes it has a layer, for all it is one", () => {
    const route = HttpLayerRouter.add("GET", "/", Effect.as(AppSession, HttpServerResponse.empty()))
    expect(route).type.toBe<
      Layer.Layer<never, never, HttpLayerRouter.HttpRouter | HttpLayerRouter.Request<"Requires", AppSession>>
    >()
    expect(Layer.provide(route, SessionHttp.routerMiddleware(AppSession).layer)).type.toBe<
      Layer.Layer<never, never, HttpLayerRouter.HttpRouter | SessionManager.SessionManager>
    >()
    expect(SessionHttp.routerMiddleware(AppSession, Other, { global: true })).type.toBe<
      Layer.Layer<
        | HttpLayerRouter.Request.From<"Requires" | "GlobalRequires", AppSession | Other>
        | HttpLayerRouter.Request.From<"Error" | "GlobalError", SessionError>,
        never,
        SessionManager.SessionManager | HttpLayerRouter.HttpRouter
      >
    >()
    expect(SessionHttp.routerMiddleware).type.not.toBeCallableWith({ global: true }, AppSession)
    expect(SessionHttp.routerMiddleware).type.not.toBeCallableWith(AppSession, { global: "yes" })
  })
})
