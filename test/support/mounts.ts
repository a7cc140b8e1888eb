/**
 * Mounts the same handlers in each possible way.
 */

import { type SessionConfig, type SessionError, SessionHttp, type SessionManager } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpEffect from "#effect/http/HttpEffect"
import * as HttpLayerRouter from "#effect/http/HttpRouter"
import * as HttpServer from "#effect/http/HttpServer"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as HttpApi from "#effect/http-api/HttpApi"
import * as HttpApiBuilder from "#effect/http-api/HttpApiBuilder"
import * as HttpApiGroup from "#effect/http-api/HttpApiGroup"
import * as Layer from "#effect/Layer"
import * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import { failures, get, layerOfStore, middleware, post, serveApi, Text } from "#test/api"
import * as HttpRouter from "#test/HttpRouter"
import * as NodeHttpServer from "#test/NodeHttpServer"
import type { App } from "./app.js"
import { type Answer, AppSession, client, managerLayer, probe, type Server } from "./http.js"
import { bytesOf, exchange } from "./raw.js"

const identity: Around = (app) => app

/** The effect that runs at `GET /name` and `POST /name` for each name; its text is the response. */
export type Handlers = Readonly<Record<string, Effect.Effect<string, SessionError, AppSession>>>

/** Sends a request, by default a GET, with exactly these headers. */
export type Reach = (
  path: string,
  headers?: Readonly<Record<string, string>>,
  method?: "GET" | "POST"
) => Effect.Effect<Answer>

/** Builds a server from a layer. */
export const build = <E>(
  served: Layer.Layer<never, E, HttpServer.HttpServer | SessionManager.SessionManager | any>,
  provider = probe().provider,
  options: SessionConfig.Options = {}
): Effect.Effect<Server, E | SessionError, Scope.Scope> =>
  Effect.flatMap(
    Layer.build(
      Layer.provideMerge(
        served as Layer.Layer<never, E, never>,
        Layer.merge(NodeHttpServer.layerTest, managerLayer(options, provider))
      )
    ),
    client
  ) as Effect.Effect<Server, E | SessionError, Scope.Scope>

export class WithSession extends middleware<WithSession>()("WithSession", {
  provides: AppSession,
  error: failures,
  security: { session: SessionHttp.security() }
}) {}

export const WithSessionLive = layerOfStore(WithSession, AppSession)

/** The handlers as an API, and what implements it; with `alsoPosts` each is there for both methods. */
export const apiOf = (handlers: Handlers, alsoPosts = false) => {
  const group = Object.keys(handlers).reduce<any>((group, name) => {
    const added = group.add(get(name, `/${name}`, { success: Text }))
    return alsoPosts ? added.add(post(`post-${name}`, `/${name}`, { success: Text })) : added
  }, HttpApiGroup.make("all"))
  const api = HttpApi.make("api").add(group.middleware(WithSession))
  const implemented = HttpApiBuilder.group(api, "all" as never, (builder: any) =>
    Object.entries(handlers).reduce((builder, [name, handler]) => {
      const added = builder.handle(name, () => handler)
      return alsoPosts ? added.handle(`post-${name}`, () => handler) : added
    }, builder)
  )
  return [api, Layer.provide(implemented as Layer.Layer<any>, WithSessionLive)] as const
}

/** The handlers that most tests need. `/login` responds with the session's new id. */
export const basics = {
  read: Effect.map(
    Effect.flatMap(AppSession, (session) => session.get("visits")),
    String
  ),
  count: Effect.map(
    Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1)),
    String
  ),
  login: Effect.flatMap(AppSession, (session) =>
    Effect.andThen(
      Effect.andThen(session.regenerate, session.set("userId", "ada")),
      Effect.map(session.id, Redacted.value)
    )
  ),
  logout: Effect.flatMap(AppSession, (session) => Effect.as(session.destroy, "out"))
} satisfies Handlers

/** The handlers as routes that need the session. */
export const routesOf = (handlers: Handlers) =>
  Object.entries(handlers).reduce<HttpRouter.HttpRouter<SessionError, AppSession>>((router, [name, handler]) => {
    const responding = Effect.map(handler, (text) => HttpServerResponse.text(text))
    return HttpRouter.post(HttpRouter.get(router, `/${name}`, responding), `/${name}`, responding)
  }, HttpRouter.empty)

/** The handlers as a router, with the middleware. */
export const routerOf = (handlers: Handlers) => HttpRouter.use(routesOf(handlers), SessionHttp.middleware(AppSession))

const layerRouterOf = (handlers: Handlers, around: Around) =>
  HttpLayerRouter.serve(
    Layer.mergeAll(
      Layer.empty,
      ...Object.entries(handlers).map(([name, handler]) =>
        HttpLayerRouter.add(
          "*",
          `/${name}`,
          Effect.map(handler, (text) => HttpServerResponse.text(text))
        )
      )
    ).pipe(Layer.provide(SessionHttp.routerMiddleware(AppSession).layer)),
    { disableLogger: true, disableListenLog: true, middleware: around }
  )

const overSockets = <E>(server: Effect.Effect<Server, E, Scope.Scope>) =>
  Effect.map(
    server,
    ({ url }): Reach =>
      (path, headers = {}, method = "GET") =>
        exchange(
          url,
          bytesOf(method, path, {
            connection: "close",
            ...(method === "POST" ? { "content-length": "0" } : {}),
            ...headers
          })
        )
  )

/** What is around the whole app. */
type Around = (app: App<any, any>) => App<any, any>

interface Mounted {
  readonly options?: SessionConfig.Options
  readonly around?: Around
}

/** The ways to mount a server's handlers; what each builds ends with the scope. */
export const mounts: Readonly<
  Record<
    string,
    (
      handlers: Handlers,
      provider?: ReturnType<typeof probe>["provider"],
      mounted?: Mounted
    ) => Effect.Effect<Reach, unknown, Scope.Scope>
  >
> = {
  HttpRouter: (handlers, provider, { around = identity, options } = {}) =>
    overSockets(build(HttpServer.serve(around(routerOf(handlers))), provider, options)),
  HttpLayerRouter: (handlers, provider, { around = identity, options } = {}) =>
    overSockets(build(layerRouterOf(handlers, around), provider, options)),
  HttpApi: (handlers, provider, { around = identity, options } = {}) =>
    overSockets(build(serveApi(...apiOf(handlers, true), { outside: around as never }), provider, options)),
  "a web handler": (handlers, provider, { around = identity, options = {} } = {}) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() =>
          HttpEffect.toWebHandlerLayer(
            around(routerOf(handlers)) as App<never, SessionManager.SessionManager>,
            managerLayer(options, provider)
          )
        ),
        ({ dispose }) => Effect.promise(dispose)
      ),
      ({ handler }): Reach =>
        (path, headers = {}, method = "GET") =>
          Effect.promise(async () => {
            const response = await handler(new Request(`http://app.example${path}`, { method, headers }))
            const setCookie = response.headers.getSetCookie()
            return {
              status: response.status,
              headers: Object.fromEntries(response.headers),
              body: await response.text(),
              setCookie,
              cookie: setCookie[0]?.split(";")[0]
            }
          })
    )
}
