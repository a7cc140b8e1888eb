export * from "@effect/platform/HttpApiSchema"
