export * from "@effect/platform/HttpMethod"
