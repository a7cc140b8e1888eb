// Finds out, once per field, what a Schema does with objects: whether it returns parts of its input, and whether it
// loses keys.
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import { copyJson } from "../../src/Store/jsonValue.js"

/** What a Schema reads: the last link of its encoding. */
const encodedOf = (ast: AST.AST): AST.AST => {
  const last = ast.encoding?.at(-1)
  return last === undefined ? ast : encodedOf(last.to)
}

const partsOf = (ast: AST.AST): ReadonlyArray<AST.AST> => {
  switch (ast._tag) {
    case "Objects":
      return [...ast.propertySignatures, ...ast.indexSignatures].map(({ type }) => type)
    case "Arrays":
      return [...ast.elements, ...ast.rest]
    case "Union":
      return ast.types
    case "Declaration":
      return ast.typeParameters
    default:
      return []
  }
}

/**
 * Whether decoding can return parts of its input unchanged. Structs, records and arrays are made anew; a transformation
 * gets the result of its encoded side.
 */
export const sharesParts = ({ ast }: Schema.Top): boolean => shares(ast)

const shares = (decoded: AST.AST): boolean => {
  const ast = encodedOf(decoded)
  switch (ast._tag) {
    case "Any":
    case "Unknown":
    case "ObjectKeyword":
    case "Declaration":
    // Not followed, since it may be infinite.
    case "Suspend":
      return true
    default:
      return (
        // `onExcessProperty: "preserve"` keeps properties that it does not know.
        AST.resolve(ast)?.["parseOptions"] !== undefined ||
        (ast._tag === "Objects" && ast.propertySignatures.length === 0 && ast.indexSignatures.length === 0) ||
        partsOf(ast).some(shares)
      )
  }
}

/**
 * The Schema with JSON's form for what has no other, such as a Date, an Option or a Map: Effect 3 encodes these to the same
 * JSON by itself. All else is as in JSON: Effect 4's form has null for `undefined`, and text for NaN, which Effect 3 does
 * not read. What would not be read again is refused.
 */
export const toJson = <A, I>(schema: Schema.Codec<A, I>): Schema.Codec<A, unknown> => {
  const encoded = Schema.toEncoded(schema)
  if (!needsForm(encoded.ast, new Set())) {
    return schema
  }
  // Options, Maps and other collections as objects and arrays, with what is in them.
  const plain: Schema.Codec<any, any> = Schema.toCodecIso(encoded)
  return Schema.toCodecJson(Schema.toEncoded(plain)).pipe(
    Schema.decodeTo(plain, {
      decode: SchemaGetter.passthrough(),
      encode: SchemaGetter.transformEffect((value) => {
        const copy = copyJson(value, identity)
        return copy === undefined
          ? Effect.fail(new SchemaIssue.InvalidValue({ message: "JSON would change it" }))
          : Effect.succeed(copy)
      })
    }),
    Schema.decodeTo(schema)
  )
}

const needsForm = (ast: AST.AST, seen: Set<AST.AST>): boolean => {
  switch (ast._tag) {
    case "Declaration":
    case "BigInt":
      return true
    case "Suspend": {
      const inner = ast.thunk()
      return !seen.has(inner) && needsForm(inner, seen.add(inner))
    }
    default:
      return isUndefinable(ast) || partsOf(ast).some((part) => needsForm(part, seen))
  }
}

/** Whether a property can be undefined and must be there: JSON leaves it out, and the Schema then does not read the rest. */
const isUndefinable = (ast: AST.AST): boolean =>
  ast._tag === "Objects" && ast.propertySignatures.some(({ type }) => !AST.isOptional(type) && takesUndefined(type))

const takesUndefined = (ast: AST.AST): boolean =>
  AST.isUnion(ast) ? ast.types.some(takesUndefined) : /^(Undefined|Void|Unknown|Any)$/.test(ast._tag)

/**
 * Whether a key `__proto__` can be lost: Schemas of records assign keys, and assigning this one sets a prototype.
 */
export const losesProto = ({ ast }: Schema.Top): boolean => loses(ast)

const loses = (ast: AST.AST): boolean =>
  ast._tag === "Suspend" ||
  (ast._tag === "Objects" &&
    (ast.indexSignatures.length > 0 || ast.propertySignatures.some(({ name }) => name === "__proto__"))) ||
  [...partsOf(ast), ...(ast.encoding ?? []).map(({ to }) => to)].some(loses)
