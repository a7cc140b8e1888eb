import { createServer } from "node:http"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Option, Schema } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { SessionHttp, SessionLayer, SessionStore } from "effect-session"

class Shop extends SessionStore.Tag<Shop>()("Shop", {
  cart: SessionStore.field(Schema.Array(Schema.String), { default: () => [] })
}) {}

const show = Effect.gen(function* () {
  const session = yield* Shop
  const name = Option.getOrElse(yield* session.principal, () => "a stranger")
  return HttpServerResponse.text(`${name}, ${(yield* session.get("cart")).length} in the cart\n`)
})

const add = Effect.gen(function* () {
  const session = yield* Shop
  yield* session.update("cart", (items) => [...items, "tea"])
  return HttpServerResponse.text("added\n")
})

const signIn = Effect.gen(function* () {
  const session = yield* Shop
  yield* session.signIn("ada") // in your app, once the password is checked
  return HttpServerResponse.text("welcome, ada\n")
})

const signOut = Effect.gen(function* () {
  const session = yield* Shop
  yield* session.signOut
  return HttpServerResponse.text("goodbye\n")
})

const app = Layer.mergeAll(
  HttpRouter.add("GET", "/", HttpServerResponse.text("hello\n")),
  HttpRouter.add("GET", "/cart", show),
  HttpRouter.add("POST", "/cart", add),
  HttpRouter.add("POST", "/sign-in", signIn),
  HttpRouter.add("POST", "/sign-out", signOut)
).pipe(Layer.provide(SessionHttp.routerMiddleware(Shop).layer))

HttpRouter.serve(app).pipe(
  Layer.provide(NodeHttpServer.layer(createServer, { port: Number(process.env["PORT"] ?? 3000) })),
  Layer.provide(SessionLayer.memory({ idleTimeout: "30 minutes" })),
  Layer.launch,
  NodeRuntime.runMain
)
