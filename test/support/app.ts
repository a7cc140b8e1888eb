import type * as Effect from "#effect/Effect"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import type { HttpServerResponse } from "#effect/http/HttpServerResponse"

/** What responds to requests. */
export type App<E = never, R = never> = Effect.Effect<HttpServerResponse, E, R | HttpServerRequest>
