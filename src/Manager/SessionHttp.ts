/**
 * Sessions in front of HTTP handlers, in each way that @effect/platform mounts things. All HTTP code is here and in `Transport`.
 *
 * However it is mounted: nothing is read before a handler first uses the session; changes are saved once, before the headers
 * leave; a 5xx drops them, but a `destroy` stands. Mounting twice on one route does no harm: the request has one session.
 *
 * @since 0.1.0
 */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Reason, SessionError } from "../SessionError.js"
import type { Any } from "../Store/SessionStore.js"
import { commit, needsCommit } from "./Commit.js"
import type { LiveSession } from "./LiveSession.js"
import { warnOfPlainHttp } from "./plainHttp.js"
import { type Manager, SessionManager } from "./SessionManager.js"

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
 * The same for `HttpLayerRouter`: a router middleware; its `layer` is provided to the routes that use the session. The compiler
 * rejects routes that use a session and do not have it.
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

/**
 * The `failure` of an `HttpApiMiddleware.Tag` for sessions: a `SessionError` is answered with 503 and its reason.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Failure: Schema.Schema<SessionError, { readonly _tag: "SessionError"; readonly reason: Reason }> =
  Schema.transform(
    Schema.Struct({ _tag: Schema.Literal("SessionError"), reason: Reason }),
    Schema.typeSchema(SessionError),
    {
      strict: true,
      decode: ({ reason }) => new SessionError({ reason, message: "the server could not use the session" }),
      // Not the message: it is for the server's log.
      encode: ({ reason }) => ({ _tag: "SessionError" as const, reason })
    }
  ).annotations(HttpApiSchema.annotations({ status: 503, identifier: "SessionError" }))

/**
 * The `security` of an `HttpApiMiddleware.Tag` for sessions, which shows the cookie in the OpenAPI document.
 *
 * @since 0.1.0
 * @category middleware
 */
export const security = (cookieName = "__Host-id"): HttpApiSecurity.ApiKey =>
  HttpApiSecurity.apiKey({ in: "cookie", key: cookieName })

/**
 * The same for `HttpApi`: the implementation of an `HttpApiMiddleware.Tag` that `provides` a store.
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
      const handle = Effect.withFiberRuntime<unknown>((fiber) =>
        begin(manager, fiber, (session) => Effect.succeed(manager.handle(tag.provides, session)))
      )
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
  const recovered = recover(app)
  return Effect.withFiberRuntime((fiber) => {
    const manager = managerIn(fiber.currentContext as Context.Context<SessionManager>)
    return begin(manager, fiber, (session) => {
      // In place: this context is the request's own, since the request is in it; a new one costs more than all else here.
      for (const store of stores) {
        fiber.currentContext.unsafeMap.set(store.key, manager.handle(store, session))
      }
      return recovered
    })
  })
}

/** Goes on with the session of the fiber's request, with its commit registered to run before the response. */
const begin = <A, E, R>(
  manager: Manager,
  fiber: Fiber.RuntimeFiber<any, any>,
  then: (session: LiveSession) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const request = Context.unsafeGet(
    fiber.currentContext as Context.Context<HttpServerRequest.HttpServerRequest>,
    HttpServerRequest.HttpServerRequest
  )
  const session = manager.ofRequest(request)
  if (session.mounted) {
    return then(session)
  }
  session.mounted = true
  // At once, and not on first use: a handler that is appended in a forked fiber is lost.
  return Effect.zipRight(finishing(manager), then(session))
}

const registrations = new WeakMap<Manager, Effect.Effect<void>>()

/**
 * Registers what ends a request. One handler for all requests of a manager: one that held on to its request would keep it alive
 * through the next garbage collections, at a cost that can be measured.
 */
const finishing = (manager: Manager): Effect.Effect<void> => {
  let registration = registrations.get(manager)
  if (registration === undefined) {
    registration = HttpApp.appendPreResponseHandler((request, response) =>
      finish(manager, manager.ofRequest(request), request, response)
    )
    registrations.set(manager, registration)
  }
  return registration
}

/** Ends the request for its session: saves, and tells the client. Never fails and, called again, does not save again. */
const finish = (
  manager: Manager,
  session: LiveSession,
  request: HttpServerRequest.HttpServerRequest,
  response: HttpServerResponse.HttpServerResponse
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const { config, environment } = manager
  const told = (response: HttpServerResponse.HttpServerResponse) =>
    session.reply === undefined
      ? Effect.succeed(response)
      : Effect.as(
          warnOfPlainHttp(manager, request),
          manager.transport.write(response, session.reply, request.headers["cookie"])
        )

  if (session.phase === "socket") {
    return Effect.as(
      session.operations.length > 0 || session.ended !== undefined
        ? Effect.logWarning(
            "session: changes on a WebSocket are saved by session.save alone; some were not, and are lost"
          )
        : Effect.void,
      response
    )
  }
  if (session.phase === "sent") {
    return told(response)
  }
  session.phase = "sent"
  if (response.status >= 500 && !config.keepOnServerError) {
    session.discard()
  }
  if (!needsCommit(session)) {
    return told(response)
  }
  // The end of a request is uninterruptible already; only what waits for a backend needs a bound.
  const saving = environment.provider.capabilities.inProcess ? commit(session) : environment.bounded(commit(session))
  return Effect.matchCauseEffect(saving, {
    onSuccess: () => told(response),
    onFailure: (cause) => {
      const error = Option.getOrUndefined(Cause.failureOption(cause))
      if (error?.reason === "Gone") {
        return Effect.zipRight(Effect.logDebug(error.message), told(response))
      }
      return Effect.zipRight(
        error === undefined ? Effect.logError("session: saving died", cause) : Effect.logError(error.message),
        told(config.whenNotSaved === "503" ? HttpServerResponse.empty({ status: statusOf(error) }) : response)
      )
    }
  })
}

/** 503 where trying again can help, else 500. */
const statusOf = (error: SessionError | undefined): number =>
  error?.reason === "Unavailable" || error?.reason === "Conflict" ? 503 : 500

const isSessionError = (u: unknown): u is SessionError => u instanceof SessionError

const recover = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<Exclude<E, SessionError>, R> =>
  Effect.catchIf(app, isSessionError as (error: E) => error is E & SessionError, (error) =>
    Effect.as(Effect.logError((error as SessionError).message), HttpServerResponse.empty({ status: statusOf(error) }))
  ) as HttpApp.Default<Exclude<E, SessionError>, R>
