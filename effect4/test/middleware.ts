/**
 * Middlewares of the platform and of an app.
 */
import * as Effect from "effect/Effect"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerError from "effect/http/HttpServerError"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as IpNetwork from "effect/net/IpNetwork"
import type { App } from "../../test/support/app.js"

/** A middleware that makes a new request object. */
export const forwarded = <A, E, R>(app: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateService(app as Effect.Effect<A, E, R | HttpServerRequest>, HttpServerRequest, (request) =>
    request.modify({ headers: request.headers })
  ) as Effect.Effect<A, E, R>

/** Takes the client's address from what a proxy of this machine says. */
export const behindProxy = HttpMiddleware.xForwardedHeaders({
  trustedProxies: [IpNetwork.fromStringUnsafe("127.0.0.0/8")]
})

/** Shows a page where no route matches. */
export const layerNotFound = <E, R>(page: App<E, R>) =>
  HttpRouter.middleware<{ handles: HttpServerError.HttpServerError }>()(
    (app) => Effect.catchReason(app, "HttpServerError", "RouteNotFound", () => page),
    { global: true }
  )
