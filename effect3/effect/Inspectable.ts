export * from "effect/Inspectable"
