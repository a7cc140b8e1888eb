/**
 * Finds the parts of a Schema that Go's types depend on.
 */
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { GoTypeId } from "../../src/beego/gob/GoType.js"
import type { ScalarKind } from "../../src/beego/gob/Scalar.js"
import { enumOf, type Parts, recordOf, type Shape } from "../../src/beego/gob/Shape.js"

/** Declarations that are single values in Go, by how Effect represents its Schemas. */
const declarations: Record<string, ScalarKind> = {
  "effect/schema/Date": "Date",
  "effect/schema/DateTimeUtc": "DateTime",
  "effect/schema/Uint8Array": "bytes"
}

/** The shape of a Schema's encoded side. */
export const shapeOf = ({ ast }: Schema.Top): Shape => ofAst(ast, undefined)

const representationOf = (annotations: unknown): string | undefined =>
  (annotations as { readonly representation?: { readonly id?: string } } | undefined)?.representation?.id

/** The annotation is that of the last check, or of the Schema before its checks. */
const annotationOf = (ast: AST.AST): string | undefined =>
  [...(ast.checks ?? []).toReversed(), ast]
    .map(({ annotations }) => (annotations as Record<string, unknown> | undefined)?.[GoTypeId])
    .find((goType) => goType !== undefined) as string | undefined

const ofAst = (ast: AST.AST, outer: string | undefined): Shape => {
  const annotated = outer ?? annotationOf(ast)
  const last = ast.encoding?.at(-1)
  return last === undefined ? ({ annotated, ...partsOf(ast) } as Shape) : ofAst(last.to, annotated)
}

const part = (ast: AST.AST): Shape => ofAst(ast, undefined)

const checkedAsInteger = (ast: AST.AST): boolean =>
  (ast.checks ?? []).some(({ annotations }) => representationOf(annotations) === "effect/schema/isInt")

const partsOf = (ast: AST.AST): Parts => {
  switch (ast._tag) {
    case "Suspend":
      return { kind: "lazy", shape: () => part(ast.thunk()) }
    case "String":
    case "TemplateLiteral":
      return { kind: "string" }
    case "Number":
      return { kind: checkedAsInteger(ast) ? "integer" : "number" }
    case "Boolean":
      return { kind: "boolean" }
    case "BigInt":
      return { kind: "bigint" }
    case "Null":
      return { kind: "value", value: null }
    case "Undefined":
    case "Void":
      return { kind: "value", value: undefined }
    case "Literal":
      return { kind: "value", value: ast.literal }
    case "Enum":
      return enumOf(ast.enums.map(([, value]) => value))
    case "Union":
      return {
        kind: "union",
        members: ast.types.map((type) => ({ shape: part(type), is: Schema.is(Schema.make(AST.toEncoded(type))) }))
      }
    case "Arrays":
      return { kind: "list", elements: ast.elements.map(part), rest: ast.rest.map(part) }
    case "Objects":
      return recordOf(ast, part)
    case "Declaration":
      return { kind: declarations[representationOf(ast.annotations) ?? ""] ?? "anything" }
    default:
      return { kind: "anything" }
  }
}
