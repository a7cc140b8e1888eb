/**
 * How the platform runs apps, and what it runs before the headers of their responses leave.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpEffect from "effect/http/HttpEffect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Running } from "./runtime.js"

/**
 * A handler that runs before the headers leave. One handler serves all requests: one that referred to its request would
 * keep it alive through the next garbage collections, at a measurable cost.
 */
export class Registration {
  /** Registers it as the first: nothing here, since `register` has done all. */
  readonly first: undefined

  constructor(private readonly handler: HttpEffect.PreResponseHandler) {}

  /** Registers it, unless this request has it already. Nothing remains to do. */
  register(fiber: Running, request: { registered: boolean }): Effect.Effect<void> | undefined {
    if (!request.registered) {
      request.registered = true
      HttpEffect.appendPreResponseHandlerUnsafe(fiber.context, this.handler)
    }
    return undefined
  }
}

/** Turns apps that use a layer into functions of the web's requests, in the time and with the log of the caller. */
export const webHandlers = <I, E>(
  layer: Layer.Layer<I, E>
): Effect.Effect<
  <EApp>(
    app: Effect.Effect<HttpServerResponse, EApp, I | HttpServerRequest>
  ) => (request: Request) => Promise<Response>,
  E,
  Scope.Scope
> =>
  Effect.zipWith(Effect.context<never>(), Layer.build(layer), (caller, built) => {
    const handler = HttpEffect.toWebHandlerWith(Context.merge(caller, built))
    return (app) => handler(app as never) as (request: Request) => Promise<Response>
  })
