/**
 * The handlers of tests as an `HttpApi`.
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type SessionError, SessionHttp } from "effect-session"
import { AppSession } from "../../test/support/http.js"

/** The effect that runs at `GET /name` for each name; its text is the response. */
export type Handlers = Readonly<Record<string, Effect.Effect<string, SessionError, AppSession>>>

export class WithSession extends HttpApiMiddleware.Tag<WithSession>()("WithSession", {
  provides: AppSession,
  failure: SessionHttp.Failure,
  security: { session: SessionHttp.security() }
}) {}

/** The handlers as an API. */
export const apiOf = (handlers: Handlers) => {
  const group = Object.keys(handlers).reduce<any>(
    (group, name) => group.add(HttpApiEndpoint.get(name, `/${name}`).addSuccess(HttpApiSchema.Text())),
    HttpApiGroup.make("all")
  )
  const Api = HttpApi.make("api").add(group.middleware(WithSession)) as any
  const Implemented = HttpApiBuilder.group(Api, "all" as never, (builder: any) =>
    Object.entries(handlers).reduce((builder, [name, handler]) => builder.handle(name, () => handler), builder)
  )
  return HttpApiBuilder.api(Api).pipe(
    Layer.provide(Implemented as Layer.Layer<any>),
    Layer.provide(SessionHttp.layerApi(WithSession))
  )
}

/** Serves the API. */
export const serveApi = (handlers: Handlers): Layer.Layer<never, any, any> =>
  HttpApiBuilder.serve().pipe(Layer.provide(apiOf(handlers)))
