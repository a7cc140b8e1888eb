export * from "@effect/platform/HttpApiMiddleware"
