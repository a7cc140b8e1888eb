export * from "@effect/platform/HttpApiClient"
