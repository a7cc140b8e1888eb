/**
 * Gives sessions to an `HttpApi`: the implementation of its middlewares, and the errors that its clients see.
 */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { bySchemes } from "../../src/Manager/bySchemes.js"
import { internals } from "../../src/Manager/Manager.js"
import { SessionManager } from "../../src/Manager/SessionManager.js"
import { type Reason, reasonsWith, SessionError, type Status, statusOf } from "../../src/SessionError.js"
import type { Any } from "../../src/Store/SessionStore.js"

type Declared = Schema.Schema<SessionError, { readonly _tag: "SessionError"; readonly reason: Reason }>

/** The errors with one status, as clients of an `HttpApi` see them. */
const failures = (status: Status): Declared =>
  Schema.transform(
    Schema.Struct({ _tag: Schema.Literal("SessionError"), reason: Schema.Literal(...reasonsWith(status)) }),
    Schema.typeSchema(SessionError).pipe(Schema.filter(({ reason }) => statusOf(reason) === status)),
    {
      strict: true,
      decode: ({ reason }) => new SessionError({ reason, message: "the server could not use the session" }),
      // The message is left out: it is for the server's log.
      encode: ({ reason }) => ({ _tag: "SessionError" as const, reason })
    }
  ).annotations(HttpApiSchema.annotations({ status, identifier: `SessionError${status}` }))

/**
 * The `failure` of an `HttpApiMiddleware.Tag` for sessions. The response to a `SessionError` holds its reason, and has
 * status 503 if trying again can help (`Unavailable`, `Conflict`, `Gone`), 401 for `SignInNeeded`, 403 for
 * `TooManySessions` and `CrossOrigin`, 429 for `NotAdmitted`, and 500 otherwise.
 *
 * @since 3.0.0
 * @category schemas
 */
export const Failure: Declared = Schema.Union(failures(503), failures(401), failures(403), failures(429), failures(500))

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
 * implements a tag that provides the effect's result, such as the user who is signed in. The effect runs once for a
 * request, even if the tag has several security schemes.
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
 * @since 3.0.0
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
      const { handle, mounting, put } = internals(Context.get(services, SessionManager))
      const made: Effect.Effect<any, any, any> =
        provided === undefined
          ? Effect.map(mounting.within, (session) => handle(tag.provides, session))
          : Effect.flatMap(mounting.within, (session) =>
              Effect.mapInputContext(provided, (request: Context.Context<any>) =>
                put(Context.merge(services, request), stores, session)
              )
            )
      const declared = tag as HttpApiMiddleware.TagClassAny
      return HttpApiMiddleware.isSecurity(declared) ? bySchemes(declared.security, () => made) : made
    })
  )
