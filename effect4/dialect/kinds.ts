/**
 * Kinds of values, in words.
 */
import * as AST from "effect/SchemaAST"
import { either } from "../../src/Manager/problems.js"

const simple: Readonly<Record<string, string>> = {
  String: "a string",
  Number: "a number",
  Boolean: "a boolean",
  BigInt: "a bigint",
  Objects: "an object",
  Arrays: "an array",
  Null: "null",
  Undefined: "undefined"
}

/** The kind of value that a Schema expects, in words. */
export const kindOf = (ast: AST.AST): string => {
  const from = ast.encoding?.at(-1)?.to
  if (from !== undefined) {
    return kindOf(from)
  }
  if (AST.isUnion(ast)) {
    return either(ast.types.filter((type) => !AST.isUndefined(type)).map(kindOf))
  }
  const { description, expected } = (AST.resolve(ast) ?? {}) as {
    readonly description?: unknown
    readonly expected?: unknown
  }
  const words = expected ?? description
  return typeof words === "string"
    ? words
    : AST.isLiteral(ast)
      ? typeof ast.literal === "bigint"
        ? `${ast.literal}n`
        : JSON.stringify(ast.literal)
      : (simple[ast._tag] ?? ast._tag)
}
