// One app twice, on the same sessions: in Go on beego (test/go/beego/app), and here. Both are given the same JSON.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SessionHttp, SessionStore } from "effect-session"
import * as Beego from "effect-session/beego"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as HttpServer from "#effect/http/HttpServer"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import type * as Scope from "#effect/Scope"
import * as HttpRouter from "#test/HttpRouter"
import * as NodeHttpServer from "#test/NodeHttpServer"
import { acquire } from "../servers/Process.js"
import { type Answer, jar, request } from "../support/cookies.js"
import { buildGo } from "./goProgram.js"

class Visitor extends SessionStore.Tag<Visitor>()("Visitor", {
  username: Schema.String,
  loginAt: Schema.Date,
  visits: SessionStore.field(Schema.Int, { default: () => 0 })
}) {}

const text = HttpServerResponse.text

const login = Effect.gen(function* () {
  const { username } = yield* HttpServerRequest.schemaSearchParams(Schema.Struct({ username: Schema.String }))
  const session = yield* Visitor
  yield* session.regenerate
  yield* session.set("username", username)
  yield* session.set("loginAt", new Date())
  return text("signed in")
})

const logout = Effect.gen(function* () {
  const session = yield* Visitor
  yield* session.destroy
  return text("signed out")
})

const me = Effect.gen(function* () {
  const session = yield* Visitor
  return text(Option.getOrElse(yield* session.get("username"), () => "anonymous"))
})

const since = Effect.gen(function* () {
  const session = yield* Visitor
  return text(
    Option.match(yield* session.get("loginAt"), {
      onNone: () => "never",
      onSome: (loginAt) => `${Math.floor(loginAt.getTime() / 1000)}`
    })
  )
})

const visits = Effect.gen(function* () {
  const session = yield* Visitor
  return text(`${yield* session.update("visits", (visits) => visits + 1)}`)
})

const app = HttpRouter.empty.pipe(
  HttpRouter.post("/login", login),
  HttpRouter.post("/logout", logout),
  HttpRouter.get("/me", me),
  HttpRouter.get("/since", since),
  HttpRouter.get("/visits", visits),
  HttpRouter.use(SessionHttp.middleware(Visitor))
)

const typescript = (provider: string, json: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(
    Layer.build(
      Layer.provideMerge(
        HttpServer.serve(app),
        // beego's backends may still be starting.
        Layer.merge(NodeHttpServer.layerTest, Beego.layer(provider, json, { timeout: "1 minute" }))
      )
    ),
    (context) => {
      const { address } = Context.get(context, HttpServer.HttpServer)
      return "port" in address ? `http://127.0.0.1:${address.port}` : ""
    }
  ).pipe(Effect.orDie)

const go = (program: string, provider: string, json: string): Effect.Effect<string, never, Scope.Scope> =>
  acquire("beego", async (workspace) => {
    let url = ""
    await workspace.run({
      name: `beego's ${provider}`,
      program,
      args: [provider, json],
      answers: async (output) => {
        url = /^http:\S+/m.exec(output)?.[0] ?? ""
        await fetch(`${url}/me`)
      }
    })
    return url
  })

/** Where both apps are. */
export interface Apps {
  readonly go: string
  readonly ts: string
}

export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "beego-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

/** The Go app's program. */
export const goApp: Effect.Effect<string, never, Scope.Scope> = Effect.flatMap(temporaryFolder, (folder) =>
  Effect.promise(() => buildGo("app", folder))
)

/** Starts both; the TypeScript one first, which makes what beego takes as given: tables. */
export const startBoth = (program: string, provider: string, json: string): Effect.Effect<Apps, never, Scope.Scope> =>
  Effect.flatMap(typescript(provider, json), (ts) => Effect.map(go(program, provider, json), (go) => ({ go, ts })))

const method = (path: string): "GET" | "POST" => (/^\/log(in|out)/.test(path) ? "POST" : "GET")

/** What a request with this Cookie header is answered. */
export const withCookie = (url: string, path: string, cookie: string): Effect.Effect<Answer> =>
  request({ url }, path, cookie, method(path))

/** A browser on a host where both apps are. */
export const browser = (apps: Apps) => {
  const { header, keep } = jar()
  const ask = (url: string) => (path: string) =>
    withCookie(url, path, header()).pipe(
      // gomemcache waits for 100 ms, which is not enough on a busy machine.
      Effect.repeat({ until: ({ body }) => !body.endsWith("i/o timeout"), times: 9 }),
      Effect.map((answer) => {
        keep(answer)
        return answer.body
      })
    )
  return { go: ask(apps.go), ts: ask(apps.ts), cookie: header }
}
