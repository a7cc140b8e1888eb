export * from "effect/Record"
