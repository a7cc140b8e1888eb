/**
 * Mounts sessions in front of HTTP handlers: in an `HttpRouter`, an `HttpLayerRouter` or an `HttpApi`.
 *
 * With every mount, nothing is read before a handler first uses the session, and changes are saved when the response is
 * made. A 5xx or an interruption drops the changes, but a `destroy` stands. Mounting twice on one route
 * does no harm: the request has one session.
 *
 * @since 0.1.0
 */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Reason, SessionError, statusOf, transient } from "../SessionError.js"
import type { Any } from "../Store/SessionStore.js"
import { internals, type Manager } from "./Manager.js"
import { SessionManager } from "./SessionManager.js"

export {
  /**
   * @since 0.1.0
   * @category layers
   */
  layerOpenApi,
  /**
   * @since 0.1.0
   * @category middleware
   */
  security
} from "./openApi.js"

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
 * @since 0.1.0
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

/** The errors with one status, as clients of an `HttpApi` see them. */
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
      // The message is left out: it is for the server's log.
      encode: ({ reason }) => ({ _tag: "SessionError" as const, reason: reason as R })
    }
  ).annotations(HttpApiSchema.annotations({ status, identifier: `SessionError${status}` }))

/**
 * The `failure` of an `HttpApiMiddleware.Tag` for sessions. The response to a `SessionError` holds its reason, and has
 * status 503 if trying again can help (`Unavailable`, `Conflict`, `Gone`) and 500 otherwise.
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

type ApiTag<I, S> = Context.Tag<I, S> & Pick<HttpApiMiddleware.TagClassAny, HttpApiMiddleware.TypeId>

/** The effect that the implementation `S` of an `HttpApiMiddleware.Tag` runs for each request. */
type MadeBy<S> =
  S extends Effect.Effect<infer A, infer E, any>
    ? Effect.Effect<A, E>
    : S extends { readonly [_ in string]: (_: any) => Effect.Effect<infer A, infer E, any> }
      ? Effect.Effect<A, E>
      : never

/**
 * Implements an `HttpApiMiddleware.Tag` that provides a store. With an effect and the stores that it uses, it
 * implements a tag that provides the effect's result, such as the user who is signed in.
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
 * @example
 * import { HttpApiMiddleware, HttpApiSchema } from "@effect/platform"
 * import { Context, Effect, Option, Schema } from "effect"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { user: Schema.String }) {}
 *
 * class CurrentUser extends Context.Tag("CurrentUser")<CurrentUser, string>() {}
 *
 * class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}, HttpApiSchema.annotations({ status: 401 })) {}
 *
 * const currentUser = Effect.flatMap(AppSession, (session) => session.get("user")).pipe(
 *   Effect.flatMap(Option.match({ onNone: () => new Unauthorized(), onSome: Effect.succeed }))
 * )
 *
 * class SignedIn extends HttpApiMiddleware.Tag<SignedIn>()("SignedIn", {
 *   provides: CurrentUser,
 *   failure: Schema.Union(Unauthorized, SessionHttp.Failure),
 *   security: { session: SessionHttp.security() }
 * }) {}
 *
 * const SignedInLive = SessionHttp.layerApi(SignedIn, currentUser, AppSession)
 *
 * @since 0.1.0
 * @category middleware
 */
export const layerApi: {
  <I, S>(tag: ApiTag<I, S> & { readonly provides: Any }): Layer.Layer<I, never, SessionManager>
  <I, S, R, Stores extends ReadonlyArray<Any>>(
    tag: ApiTag<I, S>,
    provided: Effect.Effect<Effect.Effect.Success<MadeBy<S>>, Effect.Effect.Error<MadeBy<S>>, R>,
    ...stores: Stores
  ): Layer.Layer<
    I,
    never,
    SessionManager | Exclude<R, Context.Tag.Identifier<Stores[number]> | HttpRouter.HttpRouter.Provided>
  >
} = (
  tag: ApiTag<any, any> & { readonly provides?: any },
  provided?: Effect.Effect<any, any, any>,
  ...stores: ReadonlyArray<Any>
): Layer.Layer<any, never, any> =>
  Layer.effect(
    tag,
    Effect.map(Effect.context<SessionManager>(), (services) => {
      const { handle, mounting } = internals(Context.get(services, SessionManager))
      const made: Effect.Effect<any, any, any> =
        provided === undefined
          ? Effect.map(mounting.within, (session) => handle(tag.provides, session))
          : Effect.flatMap(mounting.within, (session) =>
              Effect.mapInputContext(provided, (request: Context.Context<any>) =>
                withStores(Context.merge(services, request), stores, (store) => handle(store, session))
              )
            )
      const declared = tag as HttpApiMiddleware.TagClassAny
      // The credential that HttpApi decoded is not used: the transport reads the id, as in the other mounts.
      return HttpApiMiddleware.isSecurity(declared)
        ? Object.fromEntries(Object.keys(declared.security).map((name) => [name, () => made]))
        : made
    })
  )

/**
 * Puts the stores into the context itself, which must belong to the caller. It takes 0.5 µs; a new context takes 4.7
 * µs.
 */
const withStores = <I>(
  context: Context.Context<I>,
  stores: ReadonlyArray<Any>,
  handle: (store: Any) => unknown
): Context.Context<I> => {
  for (const store of stores) {
    context.unsafeMap.set(store.key, handle(store))
  }
  return context
}

/** The app, with the request's session in its context as each of the stores. */
const mount = <E, R>(
  app: HttpApp.Default<E, R>,
  stores: ReadonlyArray<Any>,
  managerIn: (context: Context.Context<SessionManager>) => Manager
): HttpApp.Default<Exclude<E, SessionError>, any> => {
  const mountedIn = (manager: Manager) => {
    const { handle, mounting } = internals(manager)
    // The context belongs to the request alone, since the request is in it.
    return mounting.around(app, (context, session) => withStores(context, stores, (store) => handle(store, session)))
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
