export * from "@effect/platform/HttpApi"
