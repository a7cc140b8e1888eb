// The routes of bench/http/effect.mjs on Effect 4: its HttpRouter + effect-session, both as they come, but for the router's log
// of each request.
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { SessionHttp, SessionLayer, SessionStore } from "effect-session"
import * as Express from "effect-session/express"
import { cart, token, user } from "../../bench/http/session.mjs"

class AppSession extends SessionStore.Tag()("AppSession", {
  user: Schema.Struct({
    id: Schema.String.check(Schema.isUUID()),
    name: Schema.NonEmptyString,
    email: Schema.String,
    roles: Schema.Array(Schema.Literals(["member", "editor", "admin"]))
  }),
  cart: Schema.Array(
    Schema.Struct({ sku: Schema.String, title: Schema.String, quantity: Schema.Int, cents: Schema.Int })
  ),
  token: Schema.String,
  visits: SessionStore.field(Schema.Natural, { default: () => 0 })
}) {}

const { jsonUnsafe } = HttpServerResponse

const untouched = HttpRouter.add(
  "GET",
  "/untouched",
  Effect.sync(() => jsonUnsafe({ hello: "world" }))
)

const withoutSessions = () => {
  let visits = 0
  return Layer.mergeAll(
    untouched,
    HttpRouter.add(
      "GET",
      "/read",
      Effect.sync(() => jsonUnsafe({ name: user.name, visits }))
    ),
    HttpRouter.add(
      "GET",
      "/write",
      Effect.sync(() => jsonUnsafe({ visits: ++visits }))
    )
  )
}

const withSessions = (provider) =>
  Layer.mergeAll(
    untouched,
    HttpRouter.add(
      "GET",
      "/login",
      Effect.flatMap(AppSession, ({ set }) =>
        Effect.as(
          Effect.all([set("user", user), set("cart", cart), set("token", token), set("visits", 0)]),
          jsonUnsafe({ name: user.name })
        )
      )
    ),
    HttpRouter.add(
      "GET",
      "/read",
      Effect.flatMap(AppSession, ({ get }) =>
        Effect.zipWith(get("user"), get("visits"), (user, visits) =>
          jsonUnsafe({ name: Option.getOrThrow(user).name, visits })
        )
      )
    ),
    HttpRouter.add(
      "GET",
      "/write",
      Effect.flatMap(AppSession, ({ update }) =>
        Effect.map(
          update("visits", (n) => n + 1),
          (visits) => jsonUnsafe({ visits })
        )
      )
    )
  ).pipe(Layer.provide(SessionHttp.routerMiddleware(AppSession).layer), Layer.provide(provider))

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

export const serve = async (store, url) => {
  const routes = store === undefined ? withoutSessions() : withSessions(stores[store](url))
  const runtime = ManagedRuntime.make(
    HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
    )
  )
  const { address } = await runtime.runPromise(HttpServer.HttpServer)
  return address.port
}
