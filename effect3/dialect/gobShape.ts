/**
 * Finds the parts of a Schema that Go's types depend on.
 */
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { GoTypeId } from "../../src/beego/gob/GoType.js"
import type { ScalarKind } from "../../src/beego/gob/Scalar.js"
import { enumOf, type Parts, recordOf, type Shape } from "../../src/beego/gob/Shape.js"

/** Declarations that are single values in Go, by the type constructor that Effect's Schemas name. */
const declarations: Record<string, ScalarKind> = {
  Date: "Date",
  "effect/DateTime.Utc": "DateTime",
  Uint8Array: "bytes"
}

/** The shape of a Schema's encoded side. */
export const shapeOf = ({ ast }: Schema.Schema.Any): Shape => ofAst(ast, undefined, false)

const annotationOf = (ast: AST.AST) => (ast.annotations as Record<string, unknown>)[GoTypeId] as string | undefined

const ofAst = (ast: AST.AST, outer: string | undefined, integer: boolean): Shape => {
  const annotated = outer ?? annotationOf(ast)
  switch (ast._tag) {
    case "Refinement":
      return ofAst(ast.from, annotated, integer || ast.annotations[AST.SchemaIdAnnotationId] === Schema.IntSchemaId)
    case "Transformation":
      return ofAst(ast.from, annotated, false)
    default:
      return { annotated, ...partsOf(ast, integer) } as Shape
  }
}

const part = (ast: AST.AST): Shape => ofAst(ast, undefined, false)

const partsOf = (ast: AST.AST, integer: boolean): Parts => {
  switch (ast._tag) {
    case "Suspend":
      return { kind: "lazy", shape: () => part(ast.f()) }
    case "StringKeyword":
    case "TemplateLiteral":
      return { kind: "string" }
    case "NumberKeyword":
      return { kind: integer ? "integer" : "number" }
    case "BooleanKeyword":
      return { kind: "boolean" }
    case "BigIntKeyword":
      return { kind: "bigint" }
    case "UndefinedKeyword":
    case "VoidKeyword":
      return { kind: "value", value: undefined }
    case "Literal":
      return { kind: "value", value: ast.literal }
    case "Enums":
      return enumOf(ast.enums.map(([, value]) => value))
    case "Union":
      return {
        kind: "union",
        members: ast.types.map((type) => ({
          shape: part(type),
          is: ParseResult.is(Schema.make(AST.encodedBoundAST(type)))
        }))
      }
    case "TupleType":
      return {
        kind: "list",
        elements: ast.elements.map(({ type }) => part(type)),
        rest: ast.rest.map(({ type }) => part(type))
      }
    case "TypeLiteral":
      return recordOf(ast, part)
    case "Declaration":
      return {
        kind: Option.match(AST.getTypeConstructorAnnotation(ast), {
          onNone: () => "anything" as const,
          onSome: ({ _tag }) => declarations[_tag] ?? "anything"
        })
      }
    default:
      return { kind: "anything" }
  }
}
