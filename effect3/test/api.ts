/**
 * The words that make an `HttpApi`, and how it is served.
 */
import type * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import type * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import * as HttpApiSwagger from "@effect/platform/HttpApiSwagger"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { SessionHttp } from "effect-session"
import type { App } from "../../test/support/app.js"

export type AnyApi = HttpApi.HttpApi.Any
type Around = (app: App) => App

const endpoint =
  <const Method extends "GET" | "POST">(method: Method) =>
  <const Name extends string, Params = never, A = void, E = never>(
    name: Name,
    path: `/${string}`,
    options: {
      readonly params?: Schema.Schema<Params, any>
      readonly success?: Schema.Schema<A, any>
      readonly error?: Schema.Schema<E, any>
    } = {}
  ): HttpApiEndpoint.HttpApiEndpoint<Name, Method, Params, never, never, never, A, E> => {
    const plain: any = HttpApiEndpoint.make(method)(name, path)
    const reading = options.params === undefined ? plain : plain.setPath(options.params)
    const succeeding = options.success === undefined ? reading : reading.addSuccess(options.success)
    return options.error === undefined ? succeeding : succeeding.addError(options.error)
  }

export const get = endpoint("GET")
export const post = endpoint("POST")

export const Text = HttpApiSchema.Text()

/** How an error's Schema tells its status. */
export const status = <A>(status: number) => HttpApiSchema.annotations<A>({ status })

/** The errors of a session, among those of a middleware. */
export const failures = [SessionHttp.Failure] as const

/** A middleware, by what it provides and the errors that it has. */
export const middleware =
  <Self>() =>
  <
    const Id extends string,
    const Errors extends ReadonlyArray<Schema.Schema.Any> = readonly [],
    const Security extends Record<string, HttpApiSecurity.HttpApiSecurity> = never,
    Provided extends Context.Tag<any, any> = never
  >(
    id: Id,
    {
      error = [] as never,
      ...options
    }: { readonly provides?: Provided; readonly error?: Errors; readonly security?: Security }
  ): HttpApiMiddleware.TagClass<Self, Id, Options<Errors, Security, Provided>> =>
    HttpApiMiddleware.Tag<Self>()(id, { ...options, failure: Schema.Union(...error) } as never)

type Options<Errors extends ReadonlyArray<Schema.Schema.Any>, Security, Provided> = {
  readonly failure: Schema.Schema<
    Schema.Schema.Type<Errors[number]>,
    Schema.Schema.Encoded<Errors[number]>,
    Schema.Schema.Context<Errors[number]>
  >
} & ([Security] extends [never] ? {} : { readonly security: Security }) &
  ([Provided] extends [never] ? {} : { readonly provides: Provided })

/** Implements a middleware that provides a store. */
export const layerOfStore = (middleware: any, _store: unknown): Layer.Layer<any, never, any> =>
  SessionHttp.layerApi(middleware)

/** Implements a middleware that provides what an effect makes. */
export const layerProviding = (
  middleware: any,
  _provided: unknown,
  effect: Effect.Effect<any, any, any>,
  ...stores: ReadonlyArray<any>
): Layer.Layer<any, never, any> => SessionHttp.layerApi(middleware, effect as any, ...stores)

/** Implements a middleware that runs an effect first. */
export const layerGuarding = (
  middleware: any,
  effect: Effect.Effect<void, any, any>,
  ...stores: ReadonlyArray<any>
): Layer.Layer<any, never, any> => SessionHttp.layerApi(middleware, effect as any, ...stores)

/** Serves an API, with what is around all of it, outside or inside of where its errors are made responses. */
export const serveApi = (
  api: AnyApi,
  implemented: Layer.Layer<any, any, any>,
  { inside = identity, outside = identity }: { readonly inside?: Around; readonly outside?: Around } = {}
): Layer.Layer<never, any, any> =>
  HttpApiBuilder.serve(outside as any).pipe(
    Layer.provide(HttpApiBuilder.middleware(inside) as Layer.Layer<never>),
    Layer.provide(HttpApiBuilder.api(api as any)),
    Layer.provide(implemented)
  )

/** Serves an API with the document of its sessions at `/openapi.json`, and with Swagger's page at `/docs`. */
export const serveDocumented = (api: AnyApi, implemented: Layer.Layer<any, any, any>): Layer.Layer<never, any, any> =>
  HttpApiBuilder.serve().pipe(
    Layer.provide(HttpApiBuilder.middlewareOpenApi()),
    Layer.provide(HttpApiSwagger.layer()),
    Layer.provide(SessionHttp.layerOpenApi(api as any, HttpApiBuilder.api)),
    Layer.provide(implemented)
  )

/** The routes of an API among those of a router. */
export const routes = (api: AnyApi, options?: { readonly openapiPath: `/${string}` }): Layer.Layer<never, any, any> =>
  HttpLayerRouter.addHttpApi(api as any, options)

/** An API as an app. */
export const appOf = (
  api: AnyApi,
  implemented: Layer.Layer<any, any, any>
): Effect.Effect<App<any, any>, unknown, any> =>
  Effect.provide(
    HttpApiBuilder.httpApp as Effect.Effect<App>,
    HttpApiBuilder.api(api as any).pipe(
      Layer.provide(implemented),
      Layer.provideMerge(HttpApiBuilder.Router.Live),
      Layer.provideMerge(HttpApiBuilder.Middleware.layer)
    )
  )

/** What a document says that the whole API needs. */
export const neededByAll = <A>(requirements: ReadonlyArray<A>): ReadonlyArray<A> => requirements

/** The status of a response that is made outside of an interrupted API: the platform has answered already. */
export const outerStatus = (_own: number): number => 503

/** What a document says of two schemes that are both needed: Effect 3 lists each by itself. */
export const neededTogether = <A>(one: A, others: ReadonlyArray<A>): ReadonlyArray<A> => [one, ...others]
