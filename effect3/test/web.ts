import * as HttpApp from "@effect/platform/HttpApp"
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"

/** Turns apps into functions of the web's requests, with all that the caller has. */
export const webHandlers = <R>() =>
  Effect.map(
    Effect.runtime<R>(),
    (runtime) =>
      <E>(app: Effect.Effect<HttpServerResponse, E, R | HttpServerRequest>) =>
        HttpApp.toWebHandlerRuntime(runtime)(app)
  )
