export * from "@effect/platform/HttpApiGroup"
