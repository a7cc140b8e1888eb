/**
 * Sessions in front of HTTP handlers, in each way that @effect/platform mounts things.
 *
 * However it is mounted: nothing is read before a handler first uses the session; changes are saved once, when the response is made; a
 * 5xx and an interruption drop them, but a `destroy` stands. Mounting twice on one route does no harm: the request has one session.
 *
 * @since 0.1.0
 */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Reason, SessionError, statusOf, transient } from "../SessionError.js"
import type { Any } from "../Store/SessionStore.js"
import { internals, type Manager, SessionManager } from "./SessionManager.js"

/**
 * A middleware for `HttpRouter` (and any `HttpApp`) that gives each request its session, as one store or as several. A
 * `SessionError` that the handlers do not catch is answered with 503 or 500.
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
 * @since 0.1.0
 * @category middleware
 */
export const middleware =
  <Stores extends ReadonlyArray<Any>>(...stores: Stores) =>
  <E, R>(
    app: HttpApp.Default<E, R>
  ): HttpApp.Default<Exclude<E, SessionError>, SessionManager | Exclude<R, Context.Tag.Identifier<Stores[number]>>> =>
    mount(app, stores, (context) => Context.unsafeGet(context, SessionManager))

/**
 * Provides the stores to the routes of an `HttpLayerRouter`: give its `layer` to the routes that use the session. The compiler rejects
 * routes that use a session and do not have it.
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
 * @since 0.1.0
 * @category middleware
 */
export const routerMiddleware = <Stores extends ReadonlyArray<Any>>(...stores: Stores) =>
  HttpLayerRouter.middleware<{
    provides: Context.Tag.Identifier<Stores[number]>
    handles: SessionError
  }>()(
    Effect.map(SessionManager, (manager) => (app: HttpApp.Default<any, any>) => mount(app, stores, () => manager))
  ) as unknown as HttpLayerRouter.Middleware<{
    provides: Context.Tag.Identifier<Stores[number]>
    handles: SessionError
    error: never
    requires: never
    layerError: never
    layerRequires: SessionManager
  }>

/** The errors of one status, as clients of an `HttpApi` see them. */
const failures = <R extends Reason>(
  status: 500 | 503,
  reasons: ReadonlyArray<R>
): Schema.Schema<SessionError, { readonly _tag: "SessionError"; readonly reason: R }> =>
  Schema.transform(
    Schema.Struct({ _tag: Schema.Literal("SessionError"), reason: Schema.Literal(...reasons) }),
    Schema.typeSchema(SessionError).pipe(Schema.filter(({ reason }) => statusOf(reason) === status)),
    {
      strict: true,
      decode: ({ reason }) => new SessionError({ reason, message: "the server could not use the session" }),
      // Not the message: it is for the server's log.
      encode: ({ reason }) => ({ _tag: "SessionError" as const, reason: reason as R })
    }
  ).annotations(HttpApiSchema.annotations({ status, identifier: `SessionError${status}` }))

/**
 * The `failure` of an `HttpApiMiddleware.Tag` for sessions: a `SessionError` is answered with its reason, as a 503 if trying again can
 * help (`Unavailable`, `Conflict`, `Gone`) and as a 500 otherwise.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Failure: Schema.Schema<SessionError, { readonly _tag: "SessionError"; readonly reason: Reason }> =
  Schema.Union(
    failures(503, transient),
    failures(
      500,
      Reason.literals.filter((reason) => statusOf(reason) === 500)
    )
  )

/**
 * The `security` of an `HttpApiMiddleware.Tag` for sessions, which shows the cookie in the OpenAPI document.
 *
 * @since 0.1.0
 * @category middleware
 */
export const security = (cookieName = "__Host-id"): HttpApiSecurity.ApiKey =>
  HttpApiSecurity.apiKey({ in: "cookie", key: cookieName })

/**
 * Implements an `HttpApiMiddleware.Tag` that provides a store.
 *
 * @example
 * import { HttpApiMiddleware } from "@effect/platform"
 * import { Schema } from "effect"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { name: Schema.String }) {}
 *
 * class WithSession extends HttpApiMiddleware.Tag<WithSession>()("WithSession", {
 *   provides: AppSession,
 *   failure: SessionHttp.Failure,
 *   security: { session: SessionHttp.security() }
 * }) {}
 *
 * const WithSessionLive = SessionHttp.layerApi(WithSession)
 *
 * @since 0.1.0
 * @category middleware
 */
export const layerApi = <I, S>(
  tag: Context.Tag<I, S> & { readonly provides: Any }
): Layer.Layer<I, never, SessionManager> =>
  Layer.effect(
    tag,
    Effect.map(SessionManager, (manager) => {
      const declared = tag as unknown as HttpApiMiddleware.TagClassAny
      const { handle: handleOf, mounting } = internals(manager)
      const handle = Effect.map(mounting.within, (session) => handleOf(tag.provides, session))
      // The credential that HttpApi decoded is not looked at: the transport reads the id as everywhere.
      return (
        HttpApiMiddleware.isSecurity(declared)
          ? Object.fromEntries(Object.keys(declared.security).map((name) => [name, () => handle]))
          : handle
      ) as S
    })
  )

/** The app with the session of its request in its context, as all of the stores. */
const mount = <E, R>(
  app: HttpApp.Default<E, R>,
  stores: ReadonlyArray<Any>,
  managerIn: (context: Context.Context<SessionManager>) => Manager
): HttpApp.Default<Exclude<E, SessionError>, any> => {
  const mountedIn = (manager: Manager) => {
    const { handle, mounting } = internals(manager)
    return mounting.around(app, (context, session) => {
      // In place: the context is the request's own, since the request is in it. It takes 0.5 µs, a new one 4.7 µs.
      for (const store of stores) {
        context.unsafeMap.set(store.key, handle(store, session))
      }
    })
  }
  let last: { readonly manager: Manager; readonly mounted: ReturnType<typeof mountedIn> } | undefined
  return Effect.withFiberRuntime((fiber) => {
    const manager = managerIn(fiber.currentContext as Context.Context<SessionManager>)
    // An app has one manager; if it has several, each request makes its own.
    if (last?.manager !== manager) {
      last = { manager, mounted: mountedIn(manager) }
    }
    return last.mounted(fiber)
  })
}
