// Turns a field's Schema into a reader and a writer, by walking its encoded side once.

import { shapeOf } from "#dialect/gobShape"
import { mismatch } from "#dialect/schema"
import * as Result from "#effect/Result"
import type * as Schema from "#effect/Schema"
import type * as SchemaIssue from "#effect/SchemaIssue"
import * as SchemaParser from "#effect/SchemaParser"
import type { GoType } from "./GoType.js"
import * as Plan from "./Plan.js"
import type { ScalarKind } from "./Scalar.js"
import type { Shape } from "./Shape.js"
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

const scalarOf = (kind: ScalarKind | "integer", goType: string | undefined): Plan.Plan =>
  Plan.scalar(kind === "integer" ? "number" : kind, goType ?? defaults[kind])

/** Makes the plan of a Schema's encoded side. `chosen` is the Go type that an annotation outside of it chose. */
const compile = (shape: Shape, chosen?: string): Plan.Plan => {
  const goType = chosen ?? shape.annotated
  switch (shape.kind) {
    case "lazy":
      return Plan.lazy(() => compile(shape.shape(), goType))
    case "value":
      return valueOf(shape.value, goType)
    case "union":
      return Plan.union(shape.members.map(({ is, shape }) => ({ plan: compile(shape, goType), is })))
    case "list":
      return list(shape, goType)
    case "record":
      return record(shape, goType)
    case "anything":
      return Plan.anything
    default:
      return scalarOf(shape.kind, goType)
  }
}

const valueOf = (value: (Shape & { readonly kind: "value" })["value"], goType: string | undefined): Plan.Plan =>
  value === null || value === undefined
    ? Plan.nil(value)
    : scalarOf(Number.isSafeInteger(value) ? "integer" : (typeof value as ScalarKind), goType)

/** The Go type of elements, and the type that it chooses for their Schemas: an interface can hold any Go type. */
const elemOf = (goType: string): { readonly elem: Plan.ElemType; readonly chosen: string | undefined } => {
  const elem = goType.slice(goType.indexOf("]") + 1) as Plan.ElemType
  return { elem, chosen: elem === "interface {}" ? undefined : elem }
}

const list = (shape: Shape & { readonly kind: "list" }, goType = "[]interface {}"): Plan.Plan => {
  const { chosen, elem } = elemOf(goType)
  const elements = shape.elements.map((element) => compile(element, chosen))
  const [rest, ...last] = shape.rest.map((element) => compile(element, chosen))
  const planAt = (index: number, length: number) =>
    elements[index] ?? last[index - (length - last.length)] ?? rest ?? Plan.anything
  // On the wire a []byte is not a slice.
  return elem === "uint8" ? Plan.byteList(planAt) : Plan.list(elem, planAt)
}

const record = (shape: Shape & { readonly kind: "record" }, goType = "map[string]interface {}"): Plan.Plan => {
  const { chosen, elem } = elemOf(goType)
  const properties = new Map([...shape.fields].map(([name, field]) => [name, compile(field, chosen)]))
  const index = shape.index === undefined ? undefined : compile(shape.index, chosen)
  return Plan.record(goType.startsWith("map[int]") ? "int" : "string", elem, (name) => properties.get(name) ?? index)
}

/**
 * The reader and writer of one field: made once from its Schema, then used for each session.
 *
 * @since 3.0.0
 * @category models
 */
export interface GobField<A> {
  readonly decode: (value: GobValue) => Result.Result<A, SchemaIssue.Issue>
  readonly encode: (value: A) => Result.Result<GobValue, SchemaIssue.Issue>
}

const catching =
  <A, B>(schema: Schema.Codec<any, any>, f: (value: A) => Result.Result<B, SchemaIssue.Issue>) =>
  (value: A): Result.Result<B, SchemaIssue.Issue> => {
    try {
      return f(value)
    } catch (error) {
      if (error instanceof Mismatch) {
        return Result.fail(mismatch(schema, value, error.message))
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
 * @since 3.0.0
 * @category codecs
 */
export const field = <A, I>(schema: Schema.Codec<A, I>): GobField<A> => {
  const plan = compile(shapeOf(schema))
  const decode = SchemaParser.decodeUnknownResult(schema)
  const encode = SchemaParser.encodeResult(schema)
  return {
    decode: catching(schema, (value) => decode(plan.read(value))),
    encode: catching(schema, (value) =>
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
