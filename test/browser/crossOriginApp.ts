/**
 * An app whose visitors have a cart and may sign in, and another site with pages of its own: they stand on different
 * hosts, which a browser reaches by name.
 */
import { createServer } from "node:http"
import { SessionError, SessionHttp, SessionStore } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import * as HttpRouter from "#test/HttpRouter"
import { answering } from "#test/socket"

class Shop extends SessionStore.Tag<Shop>()("Shop", {
  cart: SessionStore.field(Schema.Array(Schema.String), { default: () => [] }),
  state: Schema.String
}) {}

const isSessionError = (error: unknown): error is SessionError => error instanceof SessionError

const html = (body: string) => HttpServerResponse.html(`<!doctype html><meta charset="utf-8">${body}`)

const parameter = (name: string) =>
  Effect.map(
    HttpServerRequest.HttpServerRequest,
    ({ url }) => new URL(url, "http://app").searchParams.get(name) ?? "none"
  )

const home = Effect.gen(function* () {
  const session = yield* Shop
  const who = Option.getOrElse(yield* session.principal, () => "nobody")
  return html(`<p id="seen">${who}: ${(yield* session.get("cart")).join(" ")}</p>`)
})

const login = Effect.gen(function* () {
  const session = yield* Shop
  yield* session.signIn(yield* parameter("name"))
  return html("in")
})

const add = Effect.gen(function* () {
  const session = yield* Shop
  const item = yield* parameter("item")
  yield* session.update("cart", (cart) => [...cart, item])
  return html("added")
})

const logout = Effect.flatMap(Shop, (session) => Effect.as(session.signOut, html("out")))

/** Sends the visitor to an identity provider, as OAuth does, and takes the visitor back. */
const start = Effect.gen(function* () {
  const session = yield* Shop
  yield* session.set("state", "s1")
  return HttpServerResponse.redirect(`${yield* parameter("to")}&state=s1`, { status: 303 })
})

const callback = Effect.gen(function* () {
  const session = yield* Shop
  const state = yield* session.get("state")
  if (Option.getOrElse(state, () => "") !== (yield* parameter("state"))) return html("start again")
  yield* session.signIn("ada")
  return html("in")
})

const socket = Effect.flatMap(Shop, (session) =>
  answering((item) =>
    Effect.match(
      Effect.andThen(
        session.update("cart", (cart) => [...cart, item]),
        session.save
      ),
      {
        onFailure: ({ reason }) => String(reason),
        onSuccess: () => "added"
      }
    )
  )
)

/** The requests that came: their methods, and what for. */
export const arrived = new Set<string>()

export const app = HttpRouter.empty.pipe(
  HttpRouter.get("/", home),
  HttpRouter.get("/login", login),
  HttpRouter.post("/login", login),
  HttpRouter.get("/cart", add),
  HttpRouter.post("/cart", add),
  HttpRouter.get("/logout", logout),
  HttpRouter.post("/logout", logout),
  HttpRouter.get("/start", start),
  HttpRouter.get("/callback", callback),
  HttpRouter.get("/socket", socket),
  // With a body, since browsers show a page of their own for an empty 403.
  HttpRouter.use((app) =>
    Effect.catchIf(app, isSessionError, ({ message }) =>
      Effect.succeed(html(message).pipe(HttpServerResponse.setStatus(403)))
    )
  ),
  HttpRouter.use(SessionHttp.middleware(Shop)),
  HttpRouter.use((app) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers, method }) => {
      arrived.add(`${method} ${headers["sec-fetch-dest"]}`)
      return app
    })
  )
)

/** Another site: each of its pages is what its query says. */
export const elsewhere = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url!, "http://elsewhere")
      const back = searchParams.get("back")
      if (pathname === "/authorize") {
        response.writeHead(303, { location: `${back}?state=${searchParams.get("state")}` }).end()
      } else {
        const button = back === null ? "" : `<a id="go" href="${back}?state=${searchParams.get("state")}">back</a>`
        response.setHeader("content-type", "text/html").end(`<!doctype html><body>${button}`)
      }
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return server
  }),
  (server) =>
    Effect.promise(() => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    })
)
