/**
 * The demo: `npm run example`. Its backend is chosen by `SESSION_PROVIDER` and `SESSION_URL`, its port by `PORT`.
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

// The demo speaks plain http, where browsers drop a Secure cookie. An app behind https leaves this out.
const Sessions = SessionLayer.fromConfig({ session: SessionConfig.localHttp })

HttpServer.serve(app).pipe(
  HttpServer.withLogAddress,
  Layer.provide(Server),
  // After the server, so that it is built before: a server that listens already leaves early requests without an answer.
  Layer.provide(Sessions),
  Layer.launch,
  NodeRuntime.runMain
)
