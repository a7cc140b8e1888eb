/**
 * Whether a handler has made its request a WebSocket. No header tells that: any client can send one.
 */
import { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** The request, which calls `upgraded` when it is upgraded; and so do the requests that routers make of it. */
const watched = (request: HttpServerRequest, upgraded: Effect.Effect<void>): HttpServerRequest =>
  Object.create(request, {
    upgrade: { get: () => Effect.zipLeft(request.upgrade, upgraded) },
    modify: {
      value: (options: Parameters<HttpServerRequest["modify"]>[0]) => watched(request.modify(options), upgraded)
    }
  })

/** Watches the request of a context, in place: the context is the request's own, since the request is in it. */
export const watchUpgrade = (
  context: Context.Context<never>,
  request: HttpServerRequest,
  upgraded: () => void
): void => {
  // Without the header no server upgrades a request (RFC 6455 4.2.1), so most need not be watched.
  if (request.headers["upgrade"] !== undefined) {
    context.unsafeMap.set(HttpServerRequest.key, watched(request, Effect.sync(upgraded)))
  }
}
