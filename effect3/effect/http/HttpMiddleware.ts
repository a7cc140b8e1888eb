export * from "@effect/platform/HttpMiddleware"
