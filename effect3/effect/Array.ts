export * from "effect/Array"
