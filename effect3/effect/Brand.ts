export * from "effect/Brand"
