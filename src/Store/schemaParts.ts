// Finds out, once per field, what a Schema does with objects: whether it returns parts of its input, and whether it
// loses keys.
import * as AST from "#effect/SchemaAST"

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
export const sharesParts = (ast: AST.AST): boolean => {
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
        partsOf(ast, "from").some(sharesParts)
      )
  }
}

/**
 * Whether a key `__proto__` can be lost: Schemas of records (in Effect 3) assign keys, and assigning this one sets a
 * prototype.
 */
export const losesProto = (ast: AST.AST): boolean =>
  ast._tag === "Suspend" ||
  (ast._tag === "TypeLiteral" &&
    (ast.indexSignatures.length > 0 || ast.propertySignatures.some(({ name }) => name === "__proto__"))) ||
  partsOf(ast, "both").some(losesProto)

/** Whether there is a key `__proto__` anywhere in a value, which may be cyclic, and of any depth. */
export const hasProto = (value: unknown): boolean => {
  const seen = new Set<unknown>()
  const left = [value]
  while (left.length > 0) {
    const next = left.pop()
    if (typeof next !== "object" || next === null || ArrayBuffer.isView(next) || seen.has(next)) {
      continue
    }
    if (Object.hasOwn(next, "__proto__")) {
      return true
    }
    seen.add(next)
    for (const part of Object.values(next)) {
      left.push(part)
    }
  }
  return false
}
