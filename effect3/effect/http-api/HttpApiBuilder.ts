export * from "@effect/platform/HttpApiBuilder"
