import * as Effect from "effect/Effect"
import * as HttpEffect from "effect/http/HttpEffect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"

/** Turns apps into functions of the web's requests, with all that the caller has. */
export const webHandlers = <R>() =>
  Effect.map(
    Effect.context<R>(),
    (context) =>
      <E>(app: Effect.Effect<HttpServerResponse, E, R | HttpServerRequest>) =>
        HttpEffect.toWebHandlerWith(context)(app as never) as (request: Request) => Promise<Response>
  )
