/**
 * A router as a value, in the form of Effect 3's `HttpRouter`, on Effect 4's.
 */
import * as Effect from "effect/Effect"
import * as Router from "effect/http/HttpRouter"
import type * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import { type HttpServerResponse, isHttpServerResponse } from "effect/http/HttpServerResponse"

type Handler<E, R> = Effect.Effect<HttpServerResponse, E, R>

interface Entry {
  readonly method: any
  readonly path: string
  readonly handler: Handler<any, any>
  readonly options?: RouteOptions | undefined
}

interface RouteOptions {
  readonly uninterruptible?: boolean | undefined
}

export interface HttpRouter<E = never, R = never>
  extends Effect.Effect<
    HttpServerResponse,
    E | HttpServerError.HttpServerError,
    R | HttpServerRequest.HttpServerRequest
  > {
  readonly entries: ReadonlyArray<Entry>
}

type Provided = Router.Provided

const make = <E, R>(entries: ReadonlyArray<Entry>): HttpRouter<E, R> => {
  let app: Handler<any, any> | undefined
  const build = () => {
    const router = Effect.runSync(Router.make)
    for (const { handler, method, options, path } of entries) {
      Effect.runSync(router.add(method, path as Router.PathInput, handler, options) as Effect.Effect<void>)
    }
    return router.asHttpEffect()
  }
  return Object.assign(
    Effect.suspend(() => {
      app ??= build()
      return app
    }),
    { entries }
  ) as unknown as HttpRouter<E, R>
}

export const empty: HttpRouter = make([])

const route =
  (method: string) =>
  (...args: ReadonlyArray<any>): any => {
    const add = (self: HttpRouter<any, any>, path: string, handler: any, options?: RouteOptions) =>
      make([
        ...self.entries,
        {
          method,
          path,
          options,
          handler: isHttpServerResponse(handler)
            ? Effect.succeed(handler)
            : typeof handler === "function"
              ? Effect.flatMap(HttpServerRequest.HttpServerRequest, handler)
              : handler
        }
      ])
    return typeof args[0] === "string"
      ? (self: HttpRouter<any, any>) => add(self, args[0], args[1], args[2])
      : add(args[0], args[1], args[2], args[3])
  }

interface Add {
  <E1 = never, R1 = never>(
    path: string,
    handler: HttpServerResponse | Handler<E1, R1> | ((request: HttpServerRequest.HttpServerRequest) => Handler<E1, R1>),
    options?: RouteOptions
  ): <E, R>(self: HttpRouter<E, R>) => HttpRouter<E | E1, R | Exclude<R1, Provided>>
  <E, R, E1 = never, R1 = never>(
    self: HttpRouter<E, R>,
    path: string,
    handler: HttpServerResponse | Handler<E1, R1> | ((request: HttpServerRequest.HttpServerRequest) => Handler<E1, R1>),
    options?: RouteOptions
  ): HttpRouter<E | E1, R | Exclude<R1, Provided>>
}

export const get: Add = route("GET")
export const post: Add = route("POST")
export const all: Add = route("*")

export const use: {
  <E, R, E1, R1>(
    f: (handler: Handler<E, R>) => Handler<E1, R1>
  ): (self: HttpRouter<E, R>) => HttpRouter<E1, Exclude<R1, Provided>>
  <E, R, E1, R1>(
    self: HttpRouter<E, R>,
    f: (handler: Handler<E, R>) => Handler<E1, R1>
  ): HttpRouter<E1, Exclude<R1, Provided>>
} = (...args: ReadonlyArray<any>): any => {
  const apply = (self: HttpRouter<any, any>, f: any) =>
    make(self.entries.map((entry) => ({ ...entry, handler: f(entry.handler) })))
  return args.length === 2 ? apply(args[0], args[1]) : (self: HttpRouter<any, any>) => apply(self, args[0])
}

export const concat =
  <E1, R1>(that: HttpRouter<E1, R1>) =>
  <E, R>(self: HttpRouter<E, R>): HttpRouter<E | E1, R | R1> =>
    make([...self.entries, ...that.entries])

/** The routes of another router under a path, which they do not see. */
export const mount =
  <E1, R1>(prefix: string, that: HttpRouter<E1, R1>) =>
  <E, R>(self: HttpRouter<E, R>): HttpRouter<E | E1, R | R1> =>
    make([
      ...self.entries,
      ...that.entries.map((entry) => ({
        ...entry,
        path: Router.prefixPath(entry.path, prefix),
        handler: under(prefix, entry.handler)
      }))
    ])

/** An app under a path, which it does not see. */
export const mountApp =
  <E1, R1>(prefix: string, that: Handler<E1, R1>) =>
  <E, R>(self: HttpRouter<E, R>): HttpRouter<E | E1, R | Exclude<R1, Provided>> =>
    make([...self.entries, { method: "*", path: `${prefix}/*`, handler: under(prefix, that) }])

const under = (prefix: string, handler: Handler<any, any>): Handler<any, any> =>
  Effect.updateService(
    handler as Effect.Effect<HttpServerResponse, any, any>,
    HttpServerRequest.HttpServerRequest,
    (request) => request.modify({ url: request.url.slice(prefix.length) || "/" })
  )
