/**
 * Gives sessions to an `HttpApi`: the implementation of its middlewares, and the errors that its clients see.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpRouter from "effect/http/HttpRouter"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import type * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { internals } from "../../src/Manager/Manager.js"
import type { App } from "../../src/Manager/mount.js"
import { SessionManager } from "../../src/Manager/SessionManager.js"
import { Reason, SessionError, statusOf, transient } from "../../src/SessionError.js"
import type { Any } from "../../src/Store/SessionStore.js"
import { contextOf } from "./runtime.js"

/** The errors with one status, as clients of an `HttpApi` see them. */
const failures = <R extends Reason>(status: 500 | 503, reasons: ReadonlyArray<R>) =>
  Schema.Struct({ _tag: Schema.Literal("SessionError"), reason: Schema.Literals(reasons) }).pipe(
    Schema.decodeTo(
      Schema.toType(SessionError).check(Schema.makeFilter(({ reason }) => statusOf(reason) === status)),
      SchemaTransformation.transform({
        decode: ({ reason }) => new SessionError({ reason, message: "the server could not use the session" }),
        // The message is left out: it is for the server's log.
        encode: ({ reason }) => ({ _tag: "SessionError" as const, reason: reason as R })
      })
    ),
    Schema.annotate({ httpApiStatus: status, identifier: `SessionError${status}` })
  )

/**
 * The `error` of an `HttpApiMiddleware.Service` for sessions. The response to a `SessionError` holds its reason, and
 * has status 503 if trying again can help (`Unavailable`, `Conflict`, `Gone`) and 500 otherwise.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Failure: readonly [
  Schema.Codec<SessionError, { readonly _tag: "SessionError"; readonly reason: Reason }>,
  Schema.Codec<SessionError, { readonly _tag: "SessionError"; readonly reason: Reason }>
] = [
  failures(503, transient),
  failures(
    500,
    Reason.literals.filter((reason) => statusOf(reason) === 500)
  )
]

/** What a middleware of an `HttpApi` runs for each request. */
type Wrap = (app: App<any, any>) => App<any, any>

/**
 * Implements an `HttpApiMiddleware.Service` that provides the stores. With a function it also does what that does
 * around the endpoints, which can use the stores: provides the user who is signed in, say.
 *
 * @example
 * import { Schema } from "effect"
 * import { HttpApiMiddleware } from "effect/http-api"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { name: Schema.String }) {}
 *
 * class WithSession extends HttpApiMiddleware.Service<WithSession, { provides: AppSession }>()("WithSession", {
 *   error: SessionHttp.Failure,
 *   security: { session: SessionHttp.security() }
 * }) {}
 *
 * const WithSessionLive = SessionHttp.layerApi(WithSession, AppSession)
 *
 * @since 0.1.0
 * @category middleware
 */
export const layerApi: {
  <I, S>(
    service: Context.Service<I, S> & HttpApiMiddleware.AnyService,
    ...stores: ReadonlyArray<Any>
  ): Layer.Layer<I, never, SessionManager>
  <I, S, E, R, Stores extends ReadonlyArray<Any>>(
    service: Context.Service<I, S> & HttpApiMiddleware.AnyService,
    around: (app: Effect.Effect<HttpServerResponse, any, any>) => Effect.Effect<HttpServerResponse, E, R>,
    ...stores: Stores
  ): Layer.Layer<
    I,
    never,
    SessionManager | Exclude<R, Context.Service.Identifier<Stores[number]> | HttpRouter.Provided>
  >
} = (
  service: Context.Service<any, any> & HttpApiMiddleware.AnyService,
  ...args: ReadonlyArray<Any | Wrap>
): Layer.Layer<any, never, any> =>
  Layer.effect(
    service as Context.Service<any, any>,
    Effect.map(Effect.context<SessionManager>(), (services) => {
      const { mounting, put } = internals(Context.get(services, SessionManager))
      const isStore = (arg: Any | Wrap): arg is Any => "fields" in arg
      const stores = args.filter(isStore)
      const [around = (app: App<any, any>) => app] = args.filter((arg): arg is Wrap => !isStore(arg))
      const wrap: Wrap = (app) => {
        const wrapped = around(app)
        return Effect.withFiber((fiber) =>
          Effect.flatMap(mounting.within, (session) => {
            fiber.setContext(put(contextOf(fiber), stores, session))
            return wrapped
          })
        )
      }
      const { security } = service as { readonly security?: object }
      // The credential that HttpApi decoded is not used: the transport reads the id, as in the other mounts.
      return security === undefined ? wrap : Object.fromEntries(Object.keys(security).map((name) => [name, wrap]))
    })
  )
