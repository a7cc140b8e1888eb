// Turns a field's Schema into a reader and a writer, by walking its encoded side once.
import * as ParseResult from "effect/ParseResult"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import * as Schema from "#effect/Schema"
import * as AST from "#effect/SchemaAST"
import type * as SchemaIssue from "#effect/SchemaIssue"
import * as SchemaParser from "#effect/SchemaParser"
import { type GoType, GoTypeId } from "./GoType.js"
import * as Plan from "./Plan.js"
import type { ScalarKind } from "./Scalar.js"
import { Mismatch } from "./Typed.js"
import type { GobValue } from "./Value.js"

/** The default Go types: those that `v.(string)`, `v.(int)` and so on expect in Go. */
const defaults: Record<ScalarKind | "integer", GoType> = {
  string: "string",
  number: "float64",
  integer: "int",
  bigint: "int64",
  boolean: "bool",
  bytes: "[]uint8",
  Date: "time.Time",
  DateTime: "time.Time"
}

/** Declarations that are single values in Go, by the type constructor that Effect's Schemas name. */
const declarations: Record<string, ScalarKind> = {
  Date: "Date",
  "effect/DateTime.Utc": "DateTime",
  Uint8Array: "bytes"
}

const isInteger = (ast: AST.Refinement): boolean => ast.annotations[AST.SchemaIdAnnotationId] === Schema.IntSchemaId

const scalarOf = (kind: ScalarKind, goType: string | undefined, integer = false): Plan.Plan =>
  Plan.scalar(kind, goType ?? defaults[integer ? "integer" : kind])

/**
 * Makes the plan of a Schema's encoded side. `goType` was chosen by an annotation outside of it, `integer` by a
 * refinement.
 */
const compile = (ast: AST.AST, chosen?: string, integer = false): Plan.Plan => {
  const goType = chosen ?? (ast.annotations[GoTypeId] as string | undefined)
  switch (ast._tag) {
    case "Refinement":
      return compile(ast.from, goType, integer || isInteger(ast))
    case "Transformation":
      return compile(ast.from, goType)
    case "Suspend":
      return Plan.lazy(() => compile(ast.f(), goType))
    case "StringKeyword":
    case "TemplateLiteral":
      return scalarOf("string", goType)
    case "NumberKeyword":
      return scalarOf("number", goType, integer)
    case "BooleanKeyword":
      return scalarOf("boolean", goType)
    case "BigIntKeyword":
      return scalarOf("bigint", goType)
    case "UndefinedKeyword":
    case "VoidKeyword":
      return Plan.nil(undefined)
    case "Literal":
      return literal(ast.literal, goType)
    case "Enums":
      return Plan.union(ast.enums.map(([, value]) => ({ plan: literal(value, goType), is: (u) => u === value })))
    case "Union":
      return Plan.union(ast.types.map((type) => ({ plan: compile(type, goType), is: isEncoded(type) })))
    case "TupleType":
      return list(ast, goType)
    case "TypeLiteral":
      return record(ast, goType)
    case "Declaration":
      return declaration(ast, goType)
    default:
      return Plan.anything
  }
}

const isEncoded = (ast: AST.AST): ((value: unknown) => boolean) =>
  SchemaParser.is(Schema.make(AST.encodedBoundAST(ast)))

const literal = (value: AST.LiteralValue, goType: string | undefined): Plan.Plan =>
  value === null
    ? Plan.nil(null)
    : scalarOf(typeof value as "string" | "number" | "boolean" | "bigint", goType, Number.isSafeInteger(value))

const declaration = (ast: AST.Declaration, goType: string | undefined): Plan.Plan => {
  const kind = Option.match(AST.getTypeConstructorAnnotation(ast), {
    onNone: () => undefined,
    onSome: ({ _tag }) => declarations[_tag]
  })
  return kind === undefined ? Plan.anything : scalarOf(kind, goType)
}

/** The Go type of elements, and the type that it chooses for their Schemas: an interface can hold any Go type. */
const elemOf = (goType: string): { readonly elem: Plan.ElemType; readonly chosen: string | undefined } => {
  const elem = goType.slice(goType.indexOf("]") + 1) as Plan.ElemType
  return { elem, chosen: elem === "interface {}" ? undefined : elem }
}

const list = (ast: AST.TupleType, goType = "[]interface {}"): Plan.Plan => {
  const { chosen, elem } = elemOf(goType)
  const elements = ast.elements.map(({ type }) => compile(type, chosen))
  const [rest, ...last] = ast.rest.map(({ type }) => compile(type, chosen))
  const planAt = (index: number, length: number) =>
    elements[index] ?? last[index - (length - last.length)] ?? rest ?? Plan.anything
  // On the wire a []byte is not a slice.
  return elem === "uint8" ? Plan.byteList(planAt) : Plan.list(elem, planAt)
}

const record = (ast: AST.TypeLiteral, goType = "map[string]interface {}"): Plan.Plan => {
  const { chosen, elem } = elemOf(goType)
  const properties = new Map(ast.propertySignatures.map(({ name, type }) => [name, compile(type, chosen)]))
  const [index] = ast.indexSignatures.map(({ type }) => compile(type, chosen))
  return Plan.record(goType.startsWith("map[int]") ? "int" : "string", elem, (name) => properties.get(name) ?? index)
}

/**
 * The reader and writer of one field: made once from its Schema, then used for each session.
 *
 * @since 0.1.0
 * @category models
 */
export interface GobField<A> {
  readonly decode: (value: GobValue) => Result.Result<A, SchemaIssue.Issue>
  readonly encode: (value: A) => Result.Result<GobValue, SchemaIssue.Issue>
}

const catching =
  <A, B>(ast: AST.AST, f: (value: A) => Result.Result<B, SchemaIssue.Issue>) =>
  (value: A): Result.Result<B, SchemaIssue.Issue> => {
    try {
      return f(value)
    } catch (error) {
      if (error instanceof Mismatch) {
        return Result.fail(new ParseResult.Type(ast, value, error.message))
      }
      throw error
    }
  }

/**
 * Compiles a Schema for a field of a beego session. The encoded side of the Schema chooses the Go type that is written,
 * so that a Go app reads it with the expected type assertion; an annotation such as `Gob.int64` chooses another.
 *
 * | encodes to | Go type | in Go |
 * | --- | --- | --- |
 * | text (`Schema.String`, `Schema.Date`) | `string` | `v.(string)` |
 * | integers (`Schema.Int`, `Schema.NonNegativeInt`) | `int` | `v.(int)` |
 * | other numbers (`Schema.Number`) | `float64` | `v.(float64)` |
 * | `Schema.BigIntFromSelf` | `int64` | `v.(int64)` |
 * | `Schema.Boolean` | `bool` | `v.(bool)` |
 * | `Schema.Uint8ArrayFromSelf` | `[]byte` | `v.([]byte)` |
 * | `Schema.DateFromSelf`, `Schema.DateTimeUtcFromSelf` | `time.Time` | `v.(time.Time)` |
 * | arrays and tuples | `[]interface{}` | `v.([]interface{})` |
 * | structs and records | `map[string]interface{}` | `v.(map[string]interface{})` |
 *
 * The table also applies inside arrays, structs and records, where null is nil. beego panics on a field that is nil, so
 * a field that is null is refused: leave it out.
 *
 * Reading accepts any Go type that holds the value: each integer type and `float64` for a number, Go structs for
 * structs and records (fields that they leave out are zero), both `[]string` and `[]interface{}`. A value that does not
 * fit is a `ParseIssue`.
 *
 * @example
 * import { Schema } from "effect"
 * import * as Beego from "effect-session/beego"
 *
 * const visits = Beego.Gob.field(Schema.Int)
 *
 * @since 0.1.0
 * @category codecs
 */
export const field = <A, I>(schema: Schema.Codec<A, I>): GobField<A> => {
  const plan = compile(schema.ast)
  const decode = SchemaParser.decodeUnknownResult(schema)
  const encode = SchemaParser.encodeResult(schema)
  return {
    decode: catching(schema.ast, (value) => decode(plan.read(value))),
    encode: catching(schema.ast, (value) =>
      Result.map(encode(value), (encoded) => {
        const written = plan.write(encoded, 2)
        if (written === null) {
          throw new Mismatch("a field cannot be nil in Go: beego panics on it")
        }
        return written
      })
    )
  }
}
