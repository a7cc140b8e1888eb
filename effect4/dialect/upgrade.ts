/**
 * Detects that a handler has turned its request into a WebSocket. A header cannot show that: any client can send one.
 */
import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"

/**
 * Runs `upgraded` when a request, or one that a router makes from it, is upgraded. The request is changed in place,
 * because middlewares outside of the mount hold the same object, with the same body.
 */
export const watchUpgrade = (request: HttpServerRequest, upgraded: Effect.Effect<void>): HttpServerRequest => {
  const { upgrade } = request
  const upgradeWith = request.upgradeWith.bind(request)
  const modify = request.modify.bind(request)
  return Object.defineProperties(request, {
    upgrade: { configurable: true, get: () => Effect.tap(upgrade, upgraded) },
    upgradeWith: {
      configurable: true,
      value: (options: Parameters<HttpServerRequest["upgradeWith"]>[0]) => Effect.tap(upgradeWith(options), upgraded)
    },
    modify: {
      configurable: true,
      value: (options: Parameters<HttpServerRequest["modify"]>[0]) => watchUpgrade(modify(options), upgraded)
    }
  })
}
