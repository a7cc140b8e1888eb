export * from "@effect/platform/HttpApiSwagger"
