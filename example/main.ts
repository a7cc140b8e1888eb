/**
 * The demo, which `npm run example` starts on Effect 3 and `npm run example:effect4` on Effect 4. `SESSION_PROVIDER` and
 * `SESSION_URL` choose its backend, `PORT` its port.
 */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { SessionConfig, SessionLayer } from "effect-session"
import * as Config from "#effect/Config"
import * as HttpRouter from "#effect/http/HttpRouter"
import * as Layer from "#effect/Layer"
import { routes } from "./routes.js"

const Server = NodeHttpServer.layerConfig(createServer, { port: Config.withDefault(Config.Int("PORT"), 3000) })

// The demo uses plain http, over which browsers drop a Secure cookie. An app behind https leaves this out.
const Sessions = SessionLayer.fromConfig({ session: SessionConfig.localHttp })

HttpRouter.serve(routes, { disableLogger: true }).pipe(
  Layer.provide(Server),
  // After the server layer, so that sessions are ready before the server accepts connections.
  Layer.provide(Sessions),
  Layer.launch,
  NodeRuntime.runMain
)
