/**
 * The demo, which `npm run example` starts on Effect 3 and `npm run example:effect4` on Effect 4. `SESSION_PROVIDER` and
 * `SESSION_URL` choose its backend, `PORT` its port, and `HOST` the address that it listens on, 127.0.0.1 by default.
 */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { SessionConfig, SessionHttp, SessionLayer, SessionManager } from "effect-session"
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as HttpRouter from "#effect/http/HttpRouter"
import * as Layer from "#effect/Layer"
import { Feed } from "./feed.js"
import { routes } from "./routes.js"
import { watched } from "./watching.js"

// Requests under way may take as long as a call of the backend.
const Server = Layer.unwrap(
  Effect.map(SessionManager.SessionManager, ({ config }) =>
    NodeHttpServer.layerConfig(() => SessionHttp.endsWithin(createServer(), config.timeout), {
      host: Config.withDefault(Config.NonEmptyString("HOST"), "127.0.0.1"),
      port: Config.withDefault(Config.Int("PORT"), 3000)
    })
  )
)

// The demo uses plain http, over which browsers drop a Secure cookie. An app behind https leaves this out.
const Sessions = SessionLayer.fromConfig({ session: SessionConfig.localHttp, wrap: watched })

// Built after the server and ended before it: a server that closes waits for the streams of open pages.
const Streams = Layer.effectDiscard(Effect.flatMap(Feed, (feed) => Effect.addFinalizer(() => feed.close)))

Streams.pipe(
  Layer.provide(HttpRouter.serve(routes, { disableLogger: true })),
  Layer.provide(Feed.layer),
  Layer.provide(Server),
  // Around the server, so that sessions are there before it accepts connections and until it has closed them.
  Layer.provide(Sessions),
  Layer.launch,
  NodeRuntime.runMain
)
