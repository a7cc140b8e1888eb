/**
 * How the platform runs apps, and what it runs before the headers of their responses leave.
 */
import * as Effect from "effect/Effect"
import * as HttpEffect from "effect/http/HttpEffect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
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

/** Turns apps into functions of the web's requests, with all that the caller has. */
export const webHandlers = <R>() =>
  Effect.map(
    Effect.context<R>(),
    (context) =>
      <E>(app: Effect.Effect<HttpServerResponse, E, R | HttpServerRequest>) =>
        HttpEffect.toWebHandlerWith(context)(app as never) as (request: Request) => Promise<Response>
  )
