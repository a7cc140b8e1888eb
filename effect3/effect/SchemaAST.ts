export * from "effect/SchemaAST"
