/**
 * Whether a handler has made its request a WebSocket. No header tells that: any client can send one.
 */
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"

/**
 * Calls `upgraded` when a request is upgraded, or one that a router makes of it. In place: what middlewares outside of the mount hold is the
 * same object, with the same body.
 */
export const watchUpgrade = (request: HttpServerRequest, upgraded: Effect.Effect<void>): HttpServerRequest => {
  const { upgrade } = request
  const modify = request.modify.bind(request)
  return Object.defineProperties(request, {
    upgrade: { configurable: true, get: () => Effect.zipLeft(upgrade, upgraded) },
    modify: {
      configurable: true,
      value: (options: Parameters<HttpServerRequest["modify"]>[0]) => watchUpgrade(modify(options), upgraded)
    }
  })
}
