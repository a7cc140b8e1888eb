import * as Effect from "effect/Effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"

/** A middleware that makes a new request object. */
export const forwarded = <A, E, R>(app: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateService(app as Effect.Effect<A, E, R | HttpServerRequest>, HttpServerRequest, (request) =>
    request.modify({ headers: request.headers })
  ) as Effect.Effect<A, E, R>
