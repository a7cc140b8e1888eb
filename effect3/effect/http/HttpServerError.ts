export * from "@effect/platform/HttpServerError"
