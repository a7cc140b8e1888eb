// The app here, on the sessions of the one on express.
import { createServer } from "node:http"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Express from "../../dist/src/express.js"
import { SessionHttp, SessionStore } from "../../dist/src/index.js"
import { maxAge, places, secret } from "./places.mjs"

const keys = ["user", "here", "there"]

class Visitor extends SessionStore.Tag()("Visitor", {
  user: Schema.String,
  visits: SessionStore.field(Schema.Int, { default: () => 0 }),
  here: Schema.Boolean,
  there: Schema.Boolean
}) {}

const query = Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => new URL(url, "http://x").searchParams)
const ok = HttpServerResponse.text("ok")
const route = (path, then) => HttpRouter.get(path, Effect.flatMap(Visitor, then))

const routes = (pass) =>
  HttpRouter.empty.pipe(
    route("/login", ({ set }) => Effect.as(set("user", "ada"), ok)),
    route("/keys", ({ get }) =>
      Effect.flatMap(
        Effect.filter(keys, (key) => Effect.map(get(key), Option.isSome)),
        HttpServerResponse.json
      )
    ),
    route("/visits", ({ get }) => Effect.map(get("visits"), (visits) => HttpServerResponse.text(`${visits}`))),
    route("/visit", ({ update }) =>
      Effect.as(
        update("visits", (n) => n + 1),
        ok
      )
    ),
    route("/write", ({ get, set }) =>
      Effect.gen(function* () {
        const params = yield* query
        yield* get("user")
        yield* Effect.promise(() => pass(params.get("gate")))
        yield* set(params.get("key"), true)
        return ok
      })
    ),
    route("/destroy", ({ destroy }) => Effect.as(destroy, ok)),
    route("/regenerate", ({ regenerate }) => Effect.as(regenerate, ok)),
    HttpRouter.use(SessionHttp.middleware(Visitor))
  )

export const serve = async (place, url, pass) => {
  const sessions = Express.layer(places[place].ours(url), {
    secrets: [Redacted.make(secret)],
    cookie: { maxAge, secure: false }
  })
  const runtime = ManagedRuntime.make(
    HttpServer.serve(routes(pass)).pipe(
      Layer.provide(sessions),
      Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
    )
  )
  const { address } = await runtime.runPromise(HttpServer.HttpServer)
  return address.port
}
