import { createServer } from "node:http"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { SessionHttp, SessionLayer, SessionStore } from "effect-session"

// A session of this app holds one field: a number, 0 until it is set.
class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {
  visits: SessionStore.field(Schema.Natural, { default: () => 0 })
}) {}

const visit = Effect.gen(function* () {
  const session = yield* AppSession
  const visits = yield* session.update("visits", (n) => n + 1)
  return HttpServerResponse.text(`visit ${visits}\n`)
})

const app = HttpRouter.add("GET", "/visits", visit).pipe(Layer.provide(SessionHttp.routerMiddleware(AppSession).layer))

// Sessions are in memory: one line chooses another backend. The session layer comes after the server layer, so that sessions are
// ready before the server listens, and still there for the last request when it stops.
HttpRouter.serve(app).pipe(
  Layer.provide(NodeHttpServer.layer(createServer, { port: Number(process.env["PORT"] ?? 3000) })),
  Layer.provide(SessionLayer.memory({ idleTimeout: "30 minutes" })),
  Layer.launch,
  NodeRuntime.runMain
)
