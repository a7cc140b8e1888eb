import * as Schema from "effect/Schema"
import type { LiteralValue } from "effect/SchemaAST"

export * from "effect/Schema"
export {
  BigInt as BigIntFromString,
  BigIntFromSelf as BigInt,
  Date as DateFromString,
  DateFromSelf as Date,
  DateTimeUtcFromNumber as DateTimeUtcFromMillis,
  DateTimeUtcFromSelf as DateTimeUtc,
  NonNegativeInt as Natural,
  Uint8ArrayFromSelf as Uint8Array
} from "effect/Schema"

export type Codec<A, I = A, R = never> = Schema.Schema<A, I, R>

export const Literals = <const L extends readonly [LiteralValue, ...Array<LiteralValue>]>(
  literals: L
): Schema.Literal<[...L]> => Schema.Literal(...literals) as never

export const Union = <const M extends ReadonlyArray<Schema.Schema.All>>(members: M): Schema.Union<[...M]> =>
  Schema.Union(...members) as never

export const Tuple = <const E extends ReadonlyArray<Schema.Schema.Any>>(
  elements: readonly [...E]
): Schema.Tuple<{ -readonly [I in keyof E]: E[I] }> => Schema.Tuple(...(elements as any)) as never

export const TupleWithRest = (
  { elements }: Schema.Tuple<any>,
  rest: ReadonlyArray<Schema.Schema.Any>
): Schema.Schema<any, any> => Schema.Tuple(elements, ...(rest as any)) as never

export const TemplateLiteral = (parts: readonly [string, Schema.Schema.Any]): Schema.Schema<string> =>
  Schema.TemplateLiteral(...(parts as any)) as never

export const optionalKey = <A, I, R>(schema: Schema.Schema<A, I, R>) => Schema.optionalWith(schema, { exact: true })

export const Record = <K extends Schema.Schema.All, V extends Schema.Schema.All>(
  key: K,
  value: V
): Schema.Record$<K, V> => Schema.Record({ key, value })
