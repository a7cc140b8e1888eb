/**
 * Mounts sessions in front of HTTP handlers: in an `HttpRouter`, an `HttpLayerRouter` or an `HttpApi`.
 *
 * With every mount, nothing is read before a handler first uses the session, and changes are saved when the response is
 * made. A 5xx or an interruption drops the changes, but a `destroy` stands. Mounting twice on one route
 * does no harm: the request has one session.
 *
 * @since 3.0.0
 */

import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { internals, type Manager } from "../../src/Manager/Manager.js"
import { SessionManager } from "../../src/Manager/SessionManager.js"
import type { SessionError } from "../../src/SessionError.js"
import type { Any } from "../../src/Store/SessionStore.js"
import { contextOf } from "./runtime.js"

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
} from "../../src/Manager/openApi.js"
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
} from "./httpApi.js"

/**
 * Makes a middleware for `HttpRouter` (and any `HttpApp`) that gives each request its session, as one store or as
 * several. A `SessionError` that the handlers do not catch becomes a response with status 503 or 500.
 *
 * @example
 * import { HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { Effect, Schema } from "effect"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {
 *   visits: SessionStore.field(Schema.NonNegativeInt, { default: () => 0 })
 * }) {}
 *
 * const visit = Effect.gen(function* () {
 *   const session = yield* AppSession
 *   const visits = yield* session.update("visits", (n) => n + 1)
 *   return HttpServerResponse.text(`visit ${visits}`)
 * })
 *
 * const app = HttpRouter.empty.pipe(
 *   HttpRouter.get("/visits", visit),
 *   HttpRouter.use(SessionHttp.middleware(AppSession))
 * )
 *
 * @since 3.0.0
 * @category middleware
 */
export const middleware =
  <Stores extends ReadonlyArray<Any>>(...stores: Stores) =>
  <E, R>(
    app: HttpApp.Default<E, R>
  ): HttpApp.Default<Exclude<E, SessionError>, SessionManager | Exclude<R, Context.Tag.Identifier<Stores[number]>>> =>
    mount(app, stores, (context) => Context.unsafeGet(context, SessionManager))

/**
 * Provides the stores to the routes of an `HttpLayerRouter`: give its `layer` to the routes that use the session. The
 * compiler rejects routes that use a session and do not have it.
 *
 * With `{ global: true }` after the stores, the result is itself a layer. It gives the session to every request that
 * the router serves: to all routes, and to a middleware that shows its own page if no route matches.
 *
 * @example
 * import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
 * import { Effect, Layer, Schema } from "effect"
 * import { SessionHttp, SessionLayer, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { name: Schema.String }) {}
 *
 * const routes = HttpLayerRouter.add(
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
  ): HttpLayerRouter.Middleware<{
    provides: Context.Tag.Identifier<Stores[number]>
    handles: SessionError
    error: never
    requires: never
    layerError: never
    layerRequires: SessionManager
  }>
  <Stores extends ReadonlyArray<Any>>(
    ...storesAndOptions: readonly [...stores: Stores, options: { readonly global: true }]
  ): Layer.Layer<
    | HttpLayerRouter.Request.From<"Requires" | "GlobalRequires", Context.Tag.Identifier<Stores[number]>>
    | HttpLayerRouter.Request.From<"Error" | "GlobalError", SessionError>,
    never,
    HttpLayerRouter.HttpRouter | SessionManager
  >
} = (...args: ReadonlyArray<Any | { readonly global: true }>): any => {
  const stores = args.filter((arg): arg is Any => !("global" in arg))
  const [options] = args.flatMap((arg) => ("global" in arg ? [arg] : []))
  return HttpLayerRouter.middleware<{ provides: any; handles: SessionError }>()(
    Effect.map(SessionManager, (manager) => (app: HttpApp.Default<any, any>) => mount(app, stores, () => manager)),
    { global: options?.global === true }
  )
}

/** The app, with the request's session in its context as each of the stores. */
const mount = <E, R>(
  app: HttpApp.Default<E, R>,
  stores: ReadonlyArray<Any>,
  managerIn: (context: Context.Context<SessionManager>) => Manager
): HttpApp.Default<Exclude<E, SessionError>, any> => {
  const mountedIn = (manager: Manager) => {
    const { mounting, put } = internals(manager)
    // The context belongs to the request alone, since the request is in it.
    return mounting.around(app, (fiber, session) => {
      put(contextOf(fiber), stores, session)
    })
  }
  let last: { readonly manager: Manager; readonly mounted: ReturnType<typeof mountedIn> } | undefined
  return Effect.withFiberRuntime((fiber) => {
    const manager = managerIn(fiber.currentContext as Context.Context<SessionManager>)
    // An app usually has one manager. With several, the app is mounted anew whenever the manager changes.
    if (last?.manager !== manager) {
      last = { manager, mounted: mountedIn(manager) }
    }
    return last.mounted(fiber)
  })
}
