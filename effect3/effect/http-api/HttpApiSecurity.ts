export * from "@effect/platform/HttpApiSecurity"
