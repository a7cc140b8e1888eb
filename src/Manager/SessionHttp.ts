/**
 * Mounts sessions in front of HTTP handlers: in an `HttpRouter` (on Effect 3 an `HttpLayerRouter` too) or an `HttpApi`.
 *
 * With every mount, nothing is read before a handler first uses the session, and changes are saved when the response is
 * made. A 5xx or an interruption drops the changes, but a `destroy` stands. Mounting twice on one route
 * does no harm: the request has one session.
 *
 * @since 3.0.0
 */
import { contextOf, setContext } from "#dialect/runtime"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as HttpRouter from "#effect/http/HttpRouter"
import { HttpServerRequest } from "#effect/http/HttpServerRequest"
import type { HttpServerResponse } from "#effect/http/HttpServerResponse"
import type * as Layer from "#effect/Layer"
import type { SessionError } from "../SessionError.js"
import type { Any } from "../Store/SessionStore.js"
import { answer, placeOf } from "./bound/endpoint.js"
import type { LiveSession } from "./LiveSession.js"
import { internals, type Manager } from "./Manager.js"
import type { App } from "./mount.js"
import { SessionManager } from "./SessionManager.js"

export {
  /**
   * @since 3.0.0
   * @category schemas
   */
  Failure,
  /**
   * @since 3.0.0
   * @category middleware
   */
  layerApi
} from "#dialect/httpApi"
/**
 * Tokens against forged requests (CSRF).
 *
 * @since 3.0.0
 */
export * as csrf from "./csrf.js"
export {
  /**
   * @since 3.0.0
   * @category servers
   */
  endsWithin
} from "./endsWithin.js"
export {
  /**
   * @since 3.0.0
   * @category layers
   */
  layerOpenApi,
  /**
   * @since 3.0.0
   * @category middleware
   */
  security
} from "./openApi.js"

/**
 * Makes a middleware for any effect that responds to a request, which gives each request its session, as one store or
 * as several. A `SessionError` that the handlers do not catch becomes an empty response with status 503, 500, 429,
 * 403 or 401.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { HttpServerResponse } from "effect/http"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {
 *   visits: SessionStore.field(Schema.Natural, { default: () => 0 })
 * }) {}
 *
 * const visit = Effect.gen(function* () {
 *   const session = yield* AppSession
 *   const visits = yield* session.update("visits", (n) => n + 1)
 *   return HttpServerResponse.text(`visit ${visits}`)
 * })
 *
 * const app = SessionHttp.middleware(AppSession)(visit)
 *
 * @example
 * // Effect 3
 * import { HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { Effect, Schema } from "effect"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { name: Schema.String }) {}
 *
 * const isNew = Effect.flatMap(AppSession, (session) => session.isNew)
 *
 * const app = HttpRouter.empty.pipe(
 *   HttpRouter.get("/new", Effect.map(isNew, (isNew) => HttpServerResponse.text(String(isNew)))),
 *   HttpRouter.use(SessionHttp.middleware(AppSession))
 * )
 *
 * @since 3.0.0
 * @category middleware
 */
export const middleware =
  <Stores extends ReadonlyArray<Any>>(...stores: Stores) =>
  <E, R>(
    app: App<E, R>
  ): Effect.Effect<
    HttpServerResponse,
    Exclude<E, SessionError>,
    SessionManager | HttpServerRequest | Exclude<R, Context.Service.Identifier<Stores[number]>>
  > =>
    mount(app, stores, (context) => Context.getUnsafe(context, SessionManager))

/**
 * Provides the stores to the routes of an `HttpRouter` (on Effect 3 an `HttpLayerRouter`): give its `layer` to the
 * routes that use the session. The compiler rejects routes that use a session and do not have it.
 *
 * With `{ global: true }` after the stores, the result is itself a layer. It gives the session to every request that
 * the router serves: to all routes, and to a middleware that shows its own page if no route matches.
 *
 * @example
 * import { Effect, Layer, Schema } from "effect"
 * import { HttpRouter, HttpServerResponse } from "effect/http"
 * import { SessionHttp, SessionLayer, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { name: Schema.String }) {}
 *
 * const routes = HttpRouter.add(
 *   "GET",
 *   "/new",
 *   Effect.gen(function* () {
 *     const session = yield* AppSession
 *     return HttpServerResponse.text(String(yield* session.isNew))
 *   })
 * ).pipe(
 *   Layer.provide(SessionHttp.routerMiddleware(AppSession).layer),
 *   Layer.provide(SessionLayer.memory())
 * )
 *
 * @example
 * // Effect 4
 * import { Effect, Layer, Option, Schema } from "effect"
 * import { HttpRouter, type HttpServerError, HttpServerResponse } from "effect/http"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { notice: Schema.String }) {}
 *
 * const notFound = Effect.gen(function* () {
 *   const session = yield* AppSession
 *   const notice = yield* session.take("notice")
 *   return HttpServerResponse.text(Option.getOrElse(notice, () => "not found"), { status: 404 })
 * })
 *
 * const NotFoundPage = HttpRouter.middleware<{ handles: HttpServerError.HttpServerError }>()(
 *   (app) => Effect.catchReason(app, "HttpServerError", "RouteNotFound", () => notFound),
 *   { global: true }
 * ).pipe(Layer.provide(SessionHttp.routerMiddleware(AppSession, { global: true })))
 *
 * @example
 * // Effect 3
 * import { type HttpServerError, HttpLayerRouter, HttpServerResponse } from "@effect/platform"
 * import { Effect, Layer, Option, Schema } from "effect"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { notice: Schema.String }) {}
 *
 * const notFound = Effect.gen(function* () {
 *   const session = yield* AppSession
 *   const notice = yield* session.take("notice")
 *   return HttpServerResponse.text(Option.getOrElse(notice, () => "not found"), { status: 404 })
 * })
 *
 * const NotFoundPage = HttpLayerRouter.middleware<{ handles: HttpServerError.RouteNotFound }>()(
 *   (app) => Effect.catchTag(app, "RouteNotFound", () => notFound),
 *   { global: true }
 * ).pipe(Layer.provide(SessionHttp.routerMiddleware(AppSession, { global: true })))
 *
 * @since 3.0.0
 * @category middleware
 */
export const routerMiddleware: {
  <Stores extends ReadonlyArray<Any>>(
    ...stores: Stores
  ): HttpRouter.Middleware<{
    provides: Context.Service.Identifier<Stores[number]>
    handles: SessionError
    error: never
    requires: never
    layerError: never
    layerRequires: SessionManager
  }>
  <Stores extends ReadonlyArray<Any>>(
    ...storesAndOptions: readonly [...stores: Stores, options: { readonly global: true }]
  ): Layer.Layer<
    | HttpRouter.Request.From<"Requires" | "GlobalRequires", Context.Service.Identifier<Stores[number]>>
    | HttpRouter.Request.From<"Error" | "GlobalError", SessionError>,
    never,
    HttpRouter.HttpRouter | SessionManager
  >
} = (...args: ReadonlyArray<Any | { readonly global: true }>): any => {
  const stores = args.filter((arg): arg is Any => !("global" in arg))
  const [options] = args.flatMap((arg) => ("global" in arg ? [arg] : []))
  return HttpRouter.middleware<{ provides: any; handles: SessionError }>()(
    Effect.map(SessionManager, (manager) => (app: App<any, any>) => mount(app, stores, () => manager)),
    { global: options?.global === true }
  )
}

/**
 * Answers the requests with which browsers bind a session to their device and renew the proof, at the option
 * `deviceBound.path` and below. All other requests go to the app. Put it around the whole app, outside of its routes; it
 * needs no store. Without the option `deviceBound` it does nothing.
 *
 * @example
 * import { Effect, Layer, Schema } from "effect"
 * import { HttpRouter, HttpServerResponse } from "effect/http"
 * import { SessionHttp, SessionLayer, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { name: Schema.String }) {}
 *
 * const signIn = Effect.gen(function* () {
 *   const session = yield* AppSession
 *   yield* session.signIn("ada")
 *   return HttpServerResponse.text("welcome")
 * })
 *
 * const routes = HttpRouter.add("POST", "/sign-in", signIn).pipe(
 *   Layer.provide(SessionHttp.routerMiddleware(AppSession).layer)
 * )
 *
 * const served = HttpRouter.serve(routes, { middleware: SessionHttp.deviceBound }).pipe(
 *   Layer.provide(SessionLayer.memory({ deviceBound: { every: "10 minutes" } }))
 * )
 *
 * @since 3.0.0
 * @category middleware
 */
export const deviceBound = <E, R>(
  app: App<E, R>
): Effect.Effect<HttpServerResponse, E, R | SessionManager | HttpServerRequest> =>
  Effect.withFiber((fiber) => {
    const context = contextOf(fiber) as Context.Context<SessionManager | HttpServerRequest>
    const { environment, mounting } = internals(Context.getUnsafe(context, SessionManager))
    const { device } = environment
    if (device === undefined) {
      return app
    }
    device.isServed = true
    const request = Context.getUnsafe(context, HttpServerRequest)
    const place = placeOf(device, request.originalUrl)
    if (place === undefined) {
      return app
    }
    let session: LiveSession
    const answered = Effect.suspend(() => answer(session, device, request, place))
    return mounting.around(answered, (_, own) => {
      session = own
    })(fiber)
  })

/** The app, with the request's session in its context as each of the stores. */
const mount = <E, R>(
  app: App<E, R>,
  stores: ReadonlyArray<Any>,
  managerIn: (context: Context.Context<SessionManager>) => Manager
): App<Exclude<E, SessionError>, any> => {
  const mountedIn = (manager: Manager) => {
    const { mounting, put } = internals(manager)
    return mounting.around(app, (fiber, session) => setContext(fiber, put(contextOf(fiber), stores, session)))
  }
  let last: { readonly manager: Manager; readonly mounted: ReturnType<typeof mountedIn> } | undefined
  return Effect.withFiber((fiber) => {
    const manager = managerIn(contextOf(fiber) as Context.Context<SessionManager>)
    // An app usually has one manager. With several, the app is mounted anew whenever the manager changes.
    if (last?.manager !== manager) {
      last = { manager, mounted: mountedIn(manager) }
    }
    return last.mounted(fiber)
  })
}
