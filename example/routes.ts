/**
 * The demo's routes.
 */
import { SessionError, SessionHttp, SessionManager } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpRouter from "#effect/http/HttpRouter"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Schedule from "#effect/Schedule"
import * as Schema from "#effect/Schema"
import * as Stream from "#effect/Stream"
import { describe } from "./agent.js"
import { devices } from "./devices.js"
import { events } from "./events.js"
import { Feed } from "./feed.js"
import { headers, message } from "./layout.js"
import { page } from "./page.js"
import { script } from "./panel.js"
import { AppSession } from "./session.js"
import { Naming, noteName, Watching } from "./watching.js"

/** What someone typed, or a 400 if that is nothing or too much. */
const checked = (typed: string) => {
  const text = typed.trim()
  return text.length === 0 || text.length > 80
    ? Effect.fail(HttpServerResponse.empty({ status: 400 }))
    : Effect.succeed(text)
}

const home = HttpServerResponse.redirect("/", { status: 303 })

const ended = HttpServerResponse.setStatus(
  HttpServerResponse.html(
    message("Not saved", "You were signed out meanwhile, here or on another device. Sign in again.")
  ),
  503
)

/** Saves at once, so that a click in a browser that was signed out on another device gets a page that says so. */
const saving = <E, R>(handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E | SessionError, R>) =>
  Effect.flatMap(AppSession, (session) =>
    Effect.catchIf(
      Effect.tap(handler, () => session.save),
      isGone,
      () => Effect.succeed(ended)
    )
  )

const isGone = (error: unknown) => error instanceof SessionError && error.reason === "Gone"

const index = Effect.gen(function* () {
  const session = yield* AppSession
  const manager = yield* SessionManager.SessionManager
  const html = page({
    backend: manager.backend,
    name: yield* session.principal,
    visits: yield* session.get("visits"),
    cart: yield* session.get("cart"),
    notice: yield* session.take("notice")
  })
  return HttpServerResponse.html(html)
})

const visits = Effect.flatMap(AppSession, (session) => session.get("visits"))

const toJson = (visits: number) => HttpServerResponse.json({ visits })

/** A browser's form goes back to the page; a program is told the count. */
const count = Effect.gen(function* () {
  const session = yield* AppSession
  const request = yield* HttpServerRequest.HttpServerRequest
  const expected = yield* session.update("visits", (n) => n + 1)
  if (request.headers["content-type"] !== undefined) return home
  if (!request.url.endsWith("?slow")) return yield* toJson(expected)
  // As a handler that asks a database: other requests of the visitor come and go meanwhile.
  yield* Effect.sleep("20 millis")
  yield* session.save
  return yield* HttpServerResponse.json({ visits: yield* session.get("visits"), expected })
})

/** Begins a session, if the visitor has none. */
const begin = Effect.gen(function* () {
  const session = yield* AppSession
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  if (yield* session.isNew) yield* session.set("agent", describe(headers["user-agent"]))
  return yield* toJson(yield* session.get("visits"))
})

const SignIn = Schema.Struct({ name: Schema.String, remember: Schema.optional(Schema.String) })

const login = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const form = yield* HttpServerRequest.schemaBodyUrlParams(SignIn)
  // The demo has no passwords: whoever types a name is that person. An app signs in its own id of the user.
  const name = yield* checked(form.name)
  const session = yield* AppSession
  yield* noteName
  yield* session.signIn(name, { remember: form.remember !== undefined })
  yield* session.set("agent", describe(request.headers["user-agent"]))
  yield* session.set("notice", `Welcome, ${name}.`)
  return home
})

const logout = Effect.gen(function* () {
  const session = yield* AppSession
  yield* session.signOut
  return home
})

const me = Effect.gen(function* () {
  const session = yield* AppSession
  return yield* Option.match(yield* session.principal, {
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
  const form = yield* HttpServerRequest.schemaBodyUrlParams(Schema.Struct({ item: Schema.String }))
  const item = yield* checked(form.item)
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

const Safe = HttpRouter.middleware((handler) => Effect.map(handler, HttpServerResponse.setHeaders(headers)))

const Sessions = SessionHttp.routerMiddleware(AppSession)

/** Requests of the page itself, which the panel does not show among the visitor's. */
const others = Layer.mergeAll(
  HttpRouter.add(
    "GET",
    "/client.js",
    HttpServerResponse.text(script, { contentType: "text/javascript; charset=utf-8" })
  ),
  HttpRouter.add("GET", "/active", active),
  events
).pipe(Layer.provide(Safe.combine(Sessions).layer))

const ofVisitor = Layer.mergeAll(
  HttpRouter.add("GET", "/", index),
  HttpRouter.add("GET", "/visits", Effect.flatMap(visits, toJson)),
  HttpRouter.add("POST", "/visits", saving(count)),
  HttpRouter.add("POST", "/begin", saving(begin)),
  HttpRouter.add("POST", "/login", saving(login)),
  HttpRouter.add("POST", "/logout", logout),
  HttpRouter.add("GET", "/me", me),
  HttpRouter.add("POST", "/cart", saving(addToCart)),
  HttpRouter.add("GET", "/cart", cart),
  HttpRouter.add("POST", "/crash", crash),
  HttpRouter.add("GET", "/stream", stream),
  devices
).pipe(Layer.provide(Safe.combine(Naming.combine(Sessions.combine(Watching))).layer))

export const routes = Layer.merge(ofVisitor, others).pipe(Layer.provide(Feed.layer))
