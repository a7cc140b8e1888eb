export * from "@effect/platform/OpenApi"
