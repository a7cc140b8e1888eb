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
import type { unhandled } from "effect/Types"
import { bySchemes } from "../../src/Manager/bySchemes.js"
import { internals } from "../../src/Manager/Manager.js"
import type { App } from "../../src/Manager/mount.js"
import { SessionManager } from "../../src/Manager/SessionManager.js"
import { type Reason, reasonsWith, SessionError, type Status, statusOf } from "../../src/SessionError.js"
import type { Any } from "../../src/Store/SessionStore.js"
import { contextOf } from "./runtime.js"

type Declared = Schema.Codec<SessionError, { readonly _tag: "SessionError"; readonly reason: Reason }>

/** The errors with one status, as clients of an `HttpApi` see them. */
const failures = (status: Status): Declared =>
  Schema.Struct({ _tag: Schema.Literal("SessionError"), reason: Schema.Literals(reasonsWith(status)) }).pipe(
    Schema.decodeTo(
      Schema.toType(SessionError).check(Schema.makeFilter(({ reason }) => statusOf(reason) === status)),
      SchemaTransformation.transform({
        decode: ({ reason }) => new SessionError({ reason, message: "the server could not use the session" }),
        // The message is left out: it is for the server's log.
        encode: ({ reason }) => ({ _tag: "SessionError" as const, reason })
      })
    ),
    Schema.annotate({ httpApiStatus: status, identifier: `SessionError${status}` })
  )

/**
 * The `error` of an `HttpApiMiddleware.Service` for sessions. The response to a `SessionError` holds its reason, and
 * has status 503 if trying again can help (`Unavailable`, `Conflict`, `Gone`), 401 for `SignInNeeded`, 403 for
 * `TooManySessions` and `CrossOrigin`, 429 for `NotAdmitted`, and 500 otherwise.
 *
 * @since 3.0.0
 * @category schemas
 */
export const Failure: readonly [Declared, Declared, Declared, Declared, Declared] = [
  failures(503),
  failures(401),
  failures(403),
  failures(429),
  failures(500)
]

type ApiService<I, S> = Context.Service<I, S> & Pick<HttpApiMiddleware.AnyService, "error">

/** What a middleware of an `HttpApi` does around an endpoint. */
type Wrap<I, R> = (
  app: Effect.Effect<HttpServerResponse, unhandled, HttpApiMiddleware.Provides<I>>
) => Effect.Effect<HttpServerResponse, unhandled | HttpApiMiddleware.Error<I>, R>

/** What a middleware still needs if the manager, these stores and the platform are there. */
type Missing<I, R, Stores extends ReadonlyArray<Any>> = Exclude<
  R,
  Context.Service.Identifier<Stores[number]> | HttpApiMiddleware.Requires<I> | HttpRouter.Provided
>

/**
 * Implements an `HttpApiMiddleware.Service` that provides the stores. With a function it also does what that does
 * around the endpoints, which can use the stores: provides the user who is signed in, say. The function's effect runs
 * once for a request, even if the service has several security schemes.
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
 * @example
 * import { Context, Effect, Option, Schema } from "effect"
 * import { HttpApiMiddleware } from "effect/http-api"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { user: Schema.String }) {}
 *
 * class CurrentUser extends Context.Service<CurrentUser, string>()("CurrentUser") {}
 *
 * class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}, { httpApiStatus: 401 }) {}
 *
 * const currentUser = Effect.flatMap(AppSession, (session) => session.get("user")).pipe(
 *   Effect.flatMap(Option.match({ onNone: () => Effect.fail(new Unauthorized()), onSome: Effect.succeed }))
 * )
 *
 * class SignedIn extends HttpApiMiddleware.Service<SignedIn, { provides: CurrentUser }>()("SignedIn", {
 *   error: [Unauthorized, ...SessionHttp.Failure],
 *   security: { session: SessionHttp.security() }
 * }) {}
 *
 * const SignedInLive = SessionHttp.layerApi(
 *   SignedIn,
 *   Effect.provideServiceEffect(CurrentUser, currentUser),
 *   AppSession
 * )
 *
 * @since 3.0.0
 * @category middleware
 */
export const layerApi: {
  <I extends HttpApiMiddleware.AnyId, S, Stores extends ReadonlyArray<Any>>(
    service: ApiService<I, S>,
    ...stores: Stores
  ): Layer.Layer<I, never, SessionManager | Missing<I, HttpApiMiddleware.Provides<I>, Stores>>
  <I extends HttpApiMiddleware.AnyId, S, R, Stores extends ReadonlyArray<Any>>(
    service: ApiService<I, S>,
    around: Wrap<I, R>,
    ...stores: Stores
  ): Layer.Layer<I, never, SessionManager | Missing<I, R, Stores>>
} = (service: ApiService<any, any>, ...args: ReadonlyArray<any>): Layer.Layer<any, never, any> =>
  Layer.effect(
    service,
    Effect.map(Effect.context<SessionManager>(), (services) => {
      const { mounting, put } = internals(Context.get(services, SessionManager))
      const isStore = (arg: Any | Around): arg is Any => "fields" in arg
      const stores = args.filter(isStore)
      const [around] = args.filter((arg): arg is Around => !isStore(arg))
      // What the function's effect needs is where this layer is, and need not be where the endpoints are.
      const own = around === undefined ? Context.empty() : services
      const wrap: Around = (app) => {
        const wrapped = around === undefined ? app : around(app)
        return Effect.withFiber((fiber) =>
          Effect.flatMap(mounting.within, (session) => {
            fiber.setContext(put(Context.merge(own, contextOf(fiber)), stores, session))
            return wrapped
          })
        )
      }
      const { security } = service as { readonly security?: object }
      return security === undefined ? wrap : bySchemes(security, wrap)
    })
  )

type Around = (app: App<any, any>) => App<any, any>
