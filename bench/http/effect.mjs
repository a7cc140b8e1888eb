// Effect's HttpRouter + effect-session, both as they come. As `effect-untraced`, without the router's span for each request: then
// a request costs less, and the session's share of it is larger.
import { createServer } from "node:http"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Express from "../../dist/src/express.js"
import { SessionHttp, SessionLayer, SessionStore } from "../../dist/src/index.js"
import { cart, token, user } from "./session.mjs"

class AppSession extends SessionStore.Tag()("AppSession", {
  user: Schema.Struct({
    id: Schema.UUID,
    name: Schema.NonEmptyString,
    email: Schema.String,
    roles: Schema.Array(Schema.Literal("member", "editor", "admin"))
  }),
  cart: Schema.Array(
    Schema.Struct({ sku: Schema.String, title: Schema.String, quantity: Schema.Int, cents: Schema.Int })
  ),
  token: Schema.String,
  visits: SessionStore.field(Schema.NonNegativeInt, { default: () => 0 })
}) {}

const { unsafeJson } = HttpServerResponse

const untouched = HttpRouter.get(
  "/untouched",
  Effect.sync(() => unsafeJson({ hello: "world" }))
)

const withoutSessions = () => {
  let visits = 0
  return HttpRouter.empty.pipe(
    untouched,
    HttpRouter.get(
      "/read",
      Effect.sync(() => unsafeJson({ name: user.name, visits }))
    ),
    HttpRouter.get(
      "/write",
      Effect.sync(() => unsafeJson({ visits: ++visits }))
    )
  )
}

const withSessions = HttpRouter.empty.pipe(
  untouched,
  HttpRouter.get(
    "/login",
    Effect.flatMap(AppSession, ({ set }) =>
      Effect.as(
        Effect.all([set("user", user), set("cart", cart), set("token", token), set("visits", 0)]),
        unsafeJson({ name: user.name })
      )
    )
  ),
  HttpRouter.get(
    "/read",
    Effect.flatMap(AppSession, ({ get }) =>
      Effect.zipWith(get("user"), get("visits"), (user, visits) =>
        unsafeJson({ name: Option.getOrThrow(user).name, visits })
      )
    )
  ),
  HttpRouter.get(
    "/write",
    Effect.flatMap(AppSession, ({ update }) =>
      Effect.map(
        update("visits", (n) => n + 1),
        (visits) => unsafeJson({ visits })
      )
    )
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

const secrets = [Redacted.make("32 characters that nobody guesses")]
const express = (url, cookie) =>
  Express.layer(Express.redis({ url }), { secrets, cookie: { secure: false, ...cookie } })

const stores = {
  memory: () => SessionLayer.memory(),
  redis: (url) => SessionLayer.redis({ url }),
  // The layout of express-session's users, of sessions that end by the clock and of those that end with the browser; and this library's
  // with the same cookie.
  "connect-redis": (url) => express(url, { maxAge: "30 minutes" }),
  "connect-redis, browser's": (url) => express(url, {}),
  "redis, signed": (url) =>
    SessionLayer.redis({ url }, { cookie: { name: "connect.sid", secure: false, maxAge: "30 minutes", secrets } })
}

export const serve = async (store, url, framework) => {
  const app =
    store === undefined
      ? HttpServer.serve(withoutSessions())
      : Layer.provide(HttpServer.serve(withSessions), stores[store](url))
  const runtime = ManagedRuntime.make(
    app.pipe(
      Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
      framework === "effect-untraced" ? HttpMiddleware.withTracerDisabledWhen(() => true) : identity
    )
  )
  const { address } = await runtime.runPromise(HttpServer.HttpServer)
  return address.port
}
