import * as HttpMiddleware from "@effect/platform/HttpMiddleware"

/** A middleware that makes a new request object. */
export const forwarded = HttpMiddleware.xForwardedHeaders
