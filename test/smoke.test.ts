import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { SessionHttp, SessionLayer, SessionStore } from "../src/index.js"

class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {
  userId: Schema.String,
  visits: SessionStore.field(Schema.NonNegativeInt, { default: () => 0 })
}) {}

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/", Effect.succeed(HttpServerResponse.text("hi"))),
  HttpRouter.get(
    "/visits",
    Effect.gen(function* () {
      const session = yield* AppSession
      const n = yield* session.update("visits", (n) => n + 1)
      return HttpServerResponse.text(String(n))
    })
  ),
  HttpRouter.get(
    "/out",
    Effect.gen(function* () {
      const session = yield* AppSession
      yield* session.destroy
      return HttpServerResponse.empty()
    })
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

it.scoped("smoke", () =>
  Effect.gen(function* () {
    const ctx = yield* Layer.build(
      Layer.provideMerge(HttpServer.serve(app), Layer.merge(NodeHttpServer.layerTest, SessionLayer.memory()))
    )
    yield* Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const a = yield* client.get("/")
      expect(a.headers["set-cookie"]).toBeUndefined()
      const b = yield* client.get("/visits")
      console.log(b.headers)
      expect(yield* b.text).toBe("1")
      const cookie = String(b.headers["set-cookie"]).split(";")[0]!
      const c = yield* client.execute(
        HttpClientRequest.get("/visits").pipe(HttpClientRequest.setHeader("cookie", cookie))
      )
      expect(yield* c.text).toBe("2")
      const all = yield* Effect.all(
        Array.from({ length: 64 }, () =>
          client.execute(HttpClientRequest.get("/visits").pipe(HttpClientRequest.setHeader("cookie", cookie)))
        ),
        { concurrency: 64 }
      )
      expect(all.length).toBe(64)
      const d = yield* client.execute(
        HttpClientRequest.get("/visits").pipe(HttpClientRequest.setHeader("cookie", cookie))
      )
      expect(yield* d.text).toBe("67")
      const o = yield* client.execute(HttpClientRequest.get("/out").pipe(HttpClientRequest.setHeader("cookie", cookie)))
      console.log(o.headers)
      const e = yield* client.execute(
        HttpClientRequest.get("/visits").pipe(HttpClientRequest.setHeader("cookie", cookie))
      )
      expect(yield* e.text).toBe("1")
    }).pipe(Effect.provide(ctx))
  })
)
