// The app of the races on effect-session, with its defaults.
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
import * as Schema from "effect/Schema"
import { SessionHttp, SessionLayer, SessionProvider, SessionStore } from "../../dist/src/index.js"
import { temporaryFolder } from "../lib/processes.mjs"
import { pass } from "./gates.mjs"
import { slowProvider } from "./stores.mjs"

const keys = ["started", "a", "b", "late"]

class AppSession extends SessionStore.Tag()(
  "AppSession",
  Object.fromEntries(keys.map((key) => [key, Schema.Boolean]))
) {}

const query = Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => new URL(url, "http://x").searchParams)
const keysOf = (session) => Effect.filter(keys, (key) => Effect.map(session.get(key), Option.isSome))
const ok = HttpServerResponse.text("ok")

/** A route that has read the session when it waits at its gate. */
const atGate = (then) =>
  Effect.gen(function* () {
    const session = yield* AppSession
    const params = yield* query
    yield* keysOf(session)
    yield* Effect.promise(() => pass(params.get("gate")))
    return yield* then(session, params)
  })

const withSession = (then) => Effect.flatMap(AppSession, then)

const app = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/start",
    withSession((session) => Effect.as(session.set("started", true), ok))
  ),
  HttpRouter.get(
    "/keys",
    withSession((session) => Effect.flatMap(keysOf(session), HttpServerResponse.json))
  ),
  HttpRouter.get(
    "/read",
    atGate((session) => Effect.flatMap(keysOf(session), HttpServerResponse.json))
  ),
  HttpRouter.get(
    "/write",
    atGate((session, params) => Effect.as(session.set(params.get("key"), true), ok))
  ),
  HttpRouter.get(
    "/logout",
    withSession((session) => Effect.as(session.destroy, ok))
  ),
  HttpRouter.get(
    "/redirect",
    withSession((session) => Effect.as(session.set("started", true), HttpServerResponse.redirect("/keys")))
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

const backends = {
  memory: () => SessionLayer.memory(),
  file: () => SessionLayer.file({ directory: temporaryFolder() }),
  slow: (latency) => SessionLayer.make(Layer.succeed(SessionProvider.SessionProvider, slowProvider(latency)))
}

export const serve = (backend) => async (latency) => {
  const runtime = ManagedRuntime.make(
    HttpServer.serve(app).pipe(
      Layer.provide(backends[backend](latency)),
      Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
    )
  )
  const { address } = await runtime.runPromise(HttpServer.HttpServer)
  return { port: address.port, close: () => runtime.dispose() }
}
