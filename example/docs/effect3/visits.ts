import { createServer } from "node:http"
import { HttpRouter, HttpServer, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Schema } from "effect"
import { SessionHttp, SessionLayer, SessionStore } from "effect-session"

// A session of this app holds one field: a number, 0 until it is set.
class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {
  visits: SessionStore.field(Schema.NonNegativeInt, { default: () => 0 })
}) {}

const visit = Effect.gen(function* () {
  const session = yield* AppSession
  const visits = yield* session.update("visits", (n) => n + 1)
  return HttpServerResponse.text(`visit ${visits}\n`)
})

const app = HttpRouter.empty.pipe(HttpRouter.get("/visits", visit), HttpRouter.use(SessionHttp.middleware(AppSession)))

// Sessions are in memory: one line chooses another backend. The session layer comes after the server layer, so that sessions are
// ready before the server listens, and still there for the last request when it stops.
HttpServer.serve(app).pipe(
  HttpServer.withLogAddress,
  Layer.provide(NodeHttpServer.layer(createServer, { port: Number(process.env["PORT"] ?? 3000) })),
  Layer.provide(SessionLayer.memory({ idleTimeout: "30 minutes" })),
  Layer.launch,
  NodeRuntime.runMain
)
