/**
 * The words that make an `HttpApi`, and how it is served.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import type * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import * as HttpApiSwagger from "effect/http-api/HttpApiSwagger"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { SessionHttp } from "effect-session"
import type { App } from "../../test/support/app.js"

export type AnyApi = HttpApi.Constraint
type Around = (app: App) => App

export const { get, post } = HttpApiEndpoint

export const Text = Schema.String.pipe(HttpApiSchema.asText())

/** How an error's Schema tells its status. */
export const status = (httpApiStatus: number) => ({ httpApiStatus })

/** The errors of a session, among those of a middleware. */
export const failures = SessionHttp.Failure

/** A middleware, by what it provides and the errors that it has. */
export const middleware =
  <Self>() =>
  <
    const Id extends string,
    const Errors extends ReadonlyArray<Schema.Top> = never,
    const Security extends Record<string, HttpApiSecurity.HttpApiSecurity> = never,
    Provided extends Context.Key<any, any> = never
  >(
    id: Id,
    options: { readonly provides?: Provided; readonly error?: Errors; readonly security?: Security }
  ) =>
    HttpApiMiddleware.Service<Self, { provides: Context.Service.Identifier<Provided> }>()(id, options)

/** Implements a middleware that provides a store. */
export const layerOfStore = (middleware: any, store: any): Layer.Layer<any, never, any> =>
  SessionHttp.layerApi(middleware, store)

/** Implements a middleware that provides what an effect makes. */
export const layerProviding = (
  middleware: any,
  provided: Context.Key<any, any>,
  effect: Effect.Effect<any, any, any>,
  ...stores: ReadonlyArray<any>
): Layer.Layer<any, never, any> =>
  SessionHttp.layerApi(middleware, Effect.provideServiceEffect(provided, effect), ...stores)

/** Implements a middleware that runs an effect first. */
export const layerGuarding = (
  middleware: any,
  effect: Effect.Effect<void, any, any>,
  ...stores: ReadonlyArray<any>
): Layer.Layer<any, never, any> =>
  SessionHttp.layerApi(middleware, (app) => Effect.andThen(effect, app) as any, ...stores)

const serve = (routes: Layer.Layer<never, any, any>, middleware: Around): Layer.Layer<never, any, any> =>
  HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true, middleware: middleware as any })

/** Serves an API, with what is around all of it, outside or inside of where its errors are made responses. */
export const serveApi = (
  api: AnyApi,
  implemented: Layer.Layer<any, any, any>,
  { inside = identity, outside = identity }: { readonly inside?: Around; readonly outside?: Around } = {}
): Layer.Layer<never, any, any> =>
  serve(
    Layer.merge(
      Layer.provide(routes(api), implemented),
      HttpRouter.middleware(inside as any, { global: true }) as Layer.Layer<never, any, any>
    ),
    outside
  )

/** Serves an API with the document of its sessions at `/openapi.json`, and with Swagger's page at `/docs`. */
export const serveDocumented = (api: AnyApi, implemented: Layer.Layer<any, any, any>): Layer.Layer<never, any, any> =>
  serve(
    SessionHttp.layerOpenApi(api, (api) =>
      Layer.merge(routes(api, { openapiPath: "/openapi.json" }), HttpApiSwagger.layer(api as any))
    ).pipe(Layer.provide(implemented)),
    identity
  )

/** The routes of an API among those of a router. */
export const routes = (api: AnyApi, options?: { readonly openapiPath: `/${string}` }): Layer.Layer<never, any, any> =>
  HttpApiBuilder.layer(api as any, options)

/** An API as an app. */
export const appOf = (
  api: AnyApi,
  implemented: Layer.Layer<any, any, any>
): Effect.Effect<App<any, any>, unknown, any> => HttpRouter.toHttpEffect(Layer.provide(routes(api), implemented))

/** What a document says that the whole API needs: here each of its operations does. */
export const neededByAll = (_requirements: ReadonlyArray<unknown>): ReadonlyArray<unknown> => []

/** The status of a response that is made outside of an interrupted API. */
export const outerStatus = (own: number): number => own

/** What a document says of two schemes that are both needed. */
export const neededTogether = <A extends object>(one: A, others: ReadonlyArray<A>): ReadonlyArray<A> =>
  others.map((other) => ({ ...one, ...other }))
