import { createServer } from "node:http"
import { HttpRouter, HttpServer, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Option, Schema } from "effect"
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

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/", HttpServerResponse.text("hello\n")),
  HttpRouter.get("/cart", show),
  HttpRouter.post("/cart", add),
  HttpRouter.post("/sign-in", signIn),
  HttpRouter.post("/sign-out", signOut),
  HttpRouter.use(SessionHttp.middleware(Shop))
)

HttpServer.serve(app).pipe(
  HttpServer.withLogAddress,
  Layer.provide(NodeHttpServer.layer(createServer, { port: Number(process.env["PORT"] ?? 3000) })),
  Layer.provide(SessionLayer.memory({ idleTimeout: "30 minutes" })),
  Layer.launch,
  NodeRuntime.runMain
)
