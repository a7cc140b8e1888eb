export * from "@effect/platform/HttpClient"
