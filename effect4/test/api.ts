/**
 * The handlers of tests as an `HttpApi`.
 */
import type * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { type SessionError, SessionHttp } from "effect-session"
import { AppSession } from "../../test/support/http.js"

/** The effect that runs at `GET /name` for each name; its text is the response. */
export type Handlers = Readonly<Record<string, Effect.Effect<string, SessionError, AppSession>>>

export class WithSession extends HttpApiMiddleware.Service<WithSession, { provides: AppSession }>()("WithSession", {
  error: SessionHttp.Failure,
  security: { session: SessionHttp.security() }
}) {}

/** The handlers as an API. */
export const apiOf = (handlers: Handlers): Layer.Layer<never, any, any> => {
  const group = Object.keys(handlers).reduce<any>(
    (group, name) =>
      group.add(HttpApiEndpoint.get(name, `/${name}`, { success: Schema.String.pipe(HttpApiSchema.asText()) })),
    HttpApiGroup.make("all")
  )
  const Api = HttpApi.make("api").add(group.middleware(WithSession)) as any
  const Implemented = HttpApiBuilder.group(Api, "all" as never, (builder: any) =>
    Object.entries(handlers).reduce((builder, [name, handler]) => builder.handle(name, () => handler), builder)
  )
  return (HttpApiBuilder.layer(Api) as Layer.Layer<never, any, any>).pipe(
    Layer.provide(Implemented as any),
    Layer.provide(SessionHttp.layerApi(WithSession, AppSession))
  )
}

/** Serves the API. */
export const serveApi = (handlers: Handlers): Layer.Layer<never, any, any> =>
  HttpRouter.serve(apiOf(handlers), { disableLogger: true, disableListenLog: true })
