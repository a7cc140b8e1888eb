export * from "@effect/platform/HttpServerRespondable"
