/**
 * Middlewares of the platform and of an app.
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as Effect from "effect/Effect"
import type { App } from "../../test/support/app.js"

/** A middleware that makes a new request object. */
export const forwarded = HttpMiddleware.xForwardedHeaders

/** Takes the client's address from what a proxy of this machine says. */
export const behindProxy = HttpMiddleware.xForwardedHeaders

/** Shows a page where no route matches. */
export const layerNotFound = <E, R>(page: App<E, R>) =>
  HttpLayerRouter.middleware<{ handles: HttpServerError.RouteNotFound }>()(
    (app) => Effect.catchTag(app, "RouteNotFound", () => page),
    { global: true }
  )
