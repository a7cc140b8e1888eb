// Finds out, once per field, what a Schema does with objects: whether it returns parts of its input, and whether it
// loses keys.
import type * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

/** The parts of a Schema. `sides` chooses those of a transformation: its input, or its input and its output. */
const partsOf = (ast: AST.AST, sides: "from" | "both"): ReadonlyArray<AST.AST> => {
  switch (ast._tag) {
    case "TypeLiteral":
      return [...ast.propertySignatures, ...ast.indexSignatures].map(({ type }) => type)
    case "TupleType":
      return [...ast.elements, ...ast.rest].map(({ type }) => type)
    case "Union":
      return ast.types
    case "Refinement":
      return [ast.from]
    case "Transformation":
      return sides === "from" ? [ast.from] : [ast.from, ast.to]
    case "Declaration":
      return ast.typeParameters
    default:
      return []
  }
}

const isEmpty = (ast: AST.TypeLiteral) => ast.propertySignatures.length === 0 && ast.indexSignatures.length === 0

/**
 * Whether decoding can return parts of its input unchanged. Structs, records and arrays are made anew; a transformation
 * gets the result of its `from` side.
 */
export const sharesParts = ({ ast }: Schema.Schema.Any): boolean => shares(ast)

const shares = (ast: AST.AST): boolean => {
  switch (ast._tag) {
    case "AnyKeyword":
    case "UnknownKeyword":
    case "ObjectKeyword":
    case "Declaration":
    // Not followed, since it may be infinite.
    case "Suspend":
      return true
    default:
      return (
        // `onExcessProperty: "preserve"` keeps properties that it does not know.
        AST.ParseOptionsAnnotationId in ast.annotations ||
        (ast._tag === "TypeLiteral" && isEmpty(ast)) ||
        partsOf(ast, "from").some(shares)
      )
  }
}

/** The Schema with JSON's form for what has no other: here each one says itself what it encodes to. */
export const toJson = <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A, I> => schema

/**
 * Whether a key `__proto__` can be lost: Schemas of records (in Effect 3) assign keys, and assigning this one sets a
 * prototype.
 */
export const losesProto = ({ ast }: Schema.Schema.Any): boolean => loses(ast)

const loses = (ast: AST.AST): boolean =>
  ast._tag === "Suspend" ||
  (ast._tag === "TypeLiteral" &&
    (ast.indexSignatures.length > 0 || ast.propertySignatures.some(({ name }) => name === "__proto__"))) ||
  partsOf(ast, "both").some(loses)
