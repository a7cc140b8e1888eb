export * from "effect/ManagedRuntime"
