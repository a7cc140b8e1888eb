/**
 * The app of the soak: a server of its own process, with the options that its one argument has as JSON.
 */
import { createServer } from "node:http"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { SessionHttp, SessionLayer, SessionStore } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpServer from "#effect/http/HttpServer"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Schema from "#effect/Schema"
import * as HttpRouter from "#test/HttpRouter"
import * as NodeHttpServer from "#test/NodeHttpServer"

const { port, variables } = JSON.parse(process.argv[2]!)
Object.assign(process.env, variables)

/** `count` is the number of additions that the session has. */
class Soaked extends SessionStore.Tag<Soaked>()("Soaked", {
  owner: SessionStore.field(Schema.String, { default: () => "" }),
  count: SessionStore.field(Schema.Natural, { default: () => 0 })
}) {}

type Action = (session: SessionStore.Session<typeof Soaked.fields>, owner: string) => Effect.Effect<unknown, unknown>

const actions: Readonly<Record<string, Action>> = {
  read: () => Effect.void,
  add: (session) => session.update("count", (n) => n + 1),
  signIn: (session, owner) => Effect.andThen(session.regenerate, session.set("owner", owner)),
  signOut: (session) => session.destroy
}

const app = Effect.gen(function* () {
  const session = yield* Soaked
  const { url } = yield* HttpServerRequest.HttpServerRequest
  const [, action = "", owner = ""] = url.split("/")
  yield* actions[action]!(session, owner)
  const seen = action === "signOut" ? {} : { owner: yield* session.get("owner"), count: yield* session.get("count") }
  return HttpServerResponse.jsonUnsafe(seen)
})

HttpServer.serve(HttpRouter.empty.pipe(HttpRouter.all("*", app), HttpRouter.use(SessionHttp.middleware(Soaked)))).pipe(
  Layer.provide(
    NodeHttpServer.layer(() => SessionHttp.endsWithin(createServer(), "2 seconds"), { port, host: "127.0.0.1" })
  ),
  Layer.provide(SessionLayer.fromConfig()),
  Layer.launch,
  NodeRuntime.runMain
)
