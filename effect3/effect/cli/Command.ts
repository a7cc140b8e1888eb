export * from "@effect/cli/Command"
