export * from "@effect/sql/SqlError"
