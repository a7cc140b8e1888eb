/**
 * The demo, which `npm run example` starts. `SESSION_PROVIDER` and `SESSION_URL` choose its backend, `PORT` its port.
 */
import { createServer } from "node:http"
import * as HttpServer from "@effect/platform/HttpServer"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Layer from "effect/Layer"
import { SessionConfig, SessionLayer } from "effect-session"
import { app } from "./routes.js"

const Server = NodeHttpServer.layerConfig(createServer, { port: Config.withDefault(Config.port("PORT"), 3000) })

// The demo uses plain http, over which browsers drop a Secure cookie. An app behind https leaves this out.
const Sessions = SessionLayer.fromConfig({ session: SessionConfig.localHttp })

HttpServer.serve(app).pipe(
  HttpServer.withLogAddress,
  Layer.provide(Server),
  // After the server layer, so that sessions are ready before the server accepts connections.
  Layer.provide(Sessions),
  Layer.launch,
  NodeRuntime.runMain
)
