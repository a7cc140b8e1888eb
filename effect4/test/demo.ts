/**
 * The demo on Effect 4.
 */

import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { SessionHttp, SessionManager, SessionStore } from "effect-session"
import { page } from "../../example/page.js"
import * as HttpRouter from "./HttpRouter.js"

class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {
  name: Schema.String,
  visits: SessionStore.field(Schema.Natural, { default: () => 0 }),
  cart: SessionStore.field(Schema.Array(Schema.String), { default: () => [] }),
  notice: Schema.String
}) {}

const Text = Schema.Trim.check(Schema.isMinLength(1), Schema.isMaxLength(80))

const home = HttpServerResponse.redirect("/", { status: 303 })

const index = Effect.gen(function* () {
  const session = yield* AppSession
  const manager = yield* SessionManager.SessionManager
  const html = page({
    backend: manager.backend,
    name: yield* session.get("name"),
    visits: yield* session.get("visits"),
    cart: yield* session.get("cart"),
    notice: yield* session.take("notice")
  })
  // A signed-in visitor's page must not come back with the back button.
  return HttpServerResponse.html(html).pipe(HttpServerResponse.setHeader("cache-control", "no-store"))
})

const count = Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1))

const login = Effect.gen(function* () {
  const { name } = yield* HttpServerRequest.schemaBodyUrlParams(Schema.Struct({ name: Text }))
  const session = yield* AppSession
  yield* session.regenerate
  yield* session.set("name", name)
  yield* session.set("notice", `Welcome, ${name}.`)
  return home
})

const logout = Effect.gen(function* () {
  const session = yield* AppSession
  yield* session.destroy
  return home
})

const me = Effect.gen(function* () {
  const session = yield* AppSession
  return yield* Option.match(yield* session.get("name"), {
    onNone: () => HttpServerResponse.json({ error: "nobody is signed in" }, { status: 401 }),
    onSome: (name) => HttpServerResponse.json({ name })
  })
})

const active = Effect.matchEffect(SessionManager.count, {
  onFailure: (error) =>
    HttpServerResponse.json({ error: error.message }, { status: error.reason === "Unsupported" ? 501 : 503 }),
  onSuccess: (active) => HttpServerResponse.json({ active })
})

const addToCart = Effect.gen(function* () {
  const { item } = yield* HttpServerRequest.schemaBodyUrlParams(Schema.Struct({ item: Text }))
  const session = yield* AppSession
  yield* session.update("cart", (cart) => [...cart, item])
  return home
})

const cart = Effect.gen(function* () {
  const session = yield* AppSession
  return yield* HttpServerResponse.json({ cart: yield* session.get("cart") })
})

const crash = Effect.gen(function* () {
  const session = yield* AppSession
  yield* session.set("notice", "This is never seen: the request that set it failed.")
  return yield* Effect.die(new Error("crashed, as asked"))
})

const stream = Effect.gen(function* () {
  const session = yield* AppSession
  const lines = Stream.range(1, 3).pipe(
    Stream.schedule(Schedule.spaced("100 millis")),
    // A stream can read the session while it runs, but changes have to be made before it starts.
    Stream.mapEffect((n) => Effect.map(session.get("visits"), (visits) => `${n}: ${visits} visits\n`))
  )
  return HttpServerResponse.stream(Stream.encodeText(lines), { contentType: "text/plain; charset=utf-8" })
})

export const app = HttpRouter.empty.pipe(
  HttpRouter.get("/", index),
  HttpRouter.get(
    "/visits",
    Effect.flatMap(count, (visits) => HttpServerResponse.json({ visits }))
  ),
  HttpRouter.post("/visits", Effect.as(count, home)),
  HttpRouter.post("/login", login),
  HttpRouter.post("/logout", logout),
  HttpRouter.get("/me", me),
  HttpRouter.get("/active", active),
  HttpRouter.post("/cart", addToCart),
  HttpRouter.get("/cart", cart),
  HttpRouter.post("/crash", crash),
  HttpRouter.get("/stream", stream),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)
