export * from "@effect/sql/SqlConnection"
