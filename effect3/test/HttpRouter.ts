export * from "@effect/platform/HttpRouter"
