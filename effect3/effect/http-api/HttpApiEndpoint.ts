export * from "@effect/platform/HttpApiEndpoint"
