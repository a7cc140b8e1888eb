/**
 * Type tests: what must not compile.
 */
import { describe, expect, test } from "tstyche"
import * as Effect from "#effect/Effect"
import * as HttpLayerRouter from "#effect/http/HttpRouter"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import type * as Layer from "#effect/Layer"
import type * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import * as HttpRouter from "#test/HttpRouter"
import { type SessionError, SessionHttp, SessionLayer, type SessionManager, SessionStore } from "../../src/index.js"

class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {
  userId: Schema.String,
  since: Schema.DateFromString,
  visits: SessionStore.field(Schema.Natural, { default: () => 0 }),
  theme: SessionStore.field(Schema.Literals(["light", "dark"]), { default: () => "light", migrate: (stored) => stored })
}) {}

declare const session: SessionStore.Session<(typeof AppSession)["fields"]>

describe("fields", () => {
  test("a field without a default is an Option, one with a default is not", () => {
    expect(session.get("userId")).type.toBe<Effect.Effect<Option.Option<string>, SessionError>>()
    expect(session.get("since")).type.toBe<Effect.Effect<Option.Option<Date>, SessionError>>()
    expect(session.get("visits")).type.toBe<Effect.Effect<number, SessionError>>()
    expect(session.get("theme")).type.toBe<Effect.Effect<"light" | "dark", SessionError>>()
  })

  test("unknown keys do not compile", () => {
    expect(session.get).type.not.toBeCallableWith("user")
    expect(session.set).type.not.toBeCallableWith("user", "ada")
    expect(session.delete).type.not.toBeCallableWith("user")
    expect(session.take).type.not.toBeCallableWith("user")
    expect(session.takeAndSave).type.not.toBeCallableWith("user")
  })

  test("wrong values do not compile", () => {
    expect(session.set).type.toBeCallableWith("userId", "ada")
    expect(session.set).type.not.toBeCallableWith("userId", 1)
    expect(session.set).type.not.toBeCallableWith("since", "2026-11-23")
    expect(session.set).type.not.toBeCallableWith("theme", "blue")
  })

  test("update gets what get gives, and returns what set takes", () => {
    expect(session.update).type.toBeCallableWith("visits", (n: number) => n + 1)
    expect(session.update).type.not.toBeCallableWith("visits", () => "1")
    expect(session.update).type.toBeCallableWith("userId", (_: Option.Option<string>) => "ada")
    expect(session.update).type.not.toBeCallableWith("userId", (_: number) => "ada")
  })

  test("taking gives an Option, also of a field with a default: none is what tells that nothing was there", () => {
    expect(session.take("visits")).type.toBe<Effect.Effect<Option.Option<number>, SessionError>>()
    expect(session.takeAndSave("visits")).type.toBe<Effect.Effect<Option.Option<number>, SessionError>>()
    expect(session.takeAndSave("since")).type.toBe<Effect.Effect<Option.Option<Date>, SessionError>>()
    expect(session.takeAndSave).type.not.toBeCallableWith("userId", "ada")
  })

  test("a default of another type does not compile", () => {
    expect(SessionStore.field).type.not.toBeCallableWith(Schema.Int, { default: () => "0" })
  })

  test("a Schema that needs services does not compile", () => {
    const make = SessionStore.Tag<AppSession>()
    expect(make).type.toBeCallableWith("X", { x: {} as Schema.Codec<string, string> })
    expect(make).type.not.toBeCallableWith("X", { x: {} as Schema.Codec<string, string, AppSession> })
  })
})

describe("mounting", () => {
  const handler = Effect.as(
    Effect.flatMap(AppSession, (session) => session.get("visits")),
    HttpServerResponse.empty()
  )

  test("the middleware provides the store, needs the manager, and handles SessionError", () => {
    const app = HttpRouter.empty.pipe(HttpRouter.get("/", handler), HttpRouter.use(SessionHttp.middleware(AppSession)))
    expect<Effect.Services<typeof app>>().type.toBeAssignableTo<SessionManager.SessionManager | HttpServerRequest>()
    expect<Extract<Effect.Error<typeof app>, SessionError>>().type.toBe<never>()
  })

  test("routes of a HttpLayerRouter without the middleware still need the session", () => {
    const bare = HttpLayerRouter.add("GET", "/", handler)
    expect<Layer.Services<typeof bare>>().type.not.toBeAssignableTo<
      HttpLayerRouter.HttpRouter | SessionManager.SessionManager
    >()
  })

  test("a backend is a layer of the manager", () => {
    expect(SessionLayer.memory()).type.toBe<Layer.Layer<SessionManager.SessionManager, SessionError>>()
    expect(SessionLayer.memory).type.not.toBeCallableWith({ idleTimeout: true })
    expect(SessionLayer.memory).type.not.toBeCallableWith({ cookie: { sameSite: "sometimes" } })
  })
})
