export * from "@effect/sql/SqlClient"
