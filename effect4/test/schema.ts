/**
 * Schemas that are said in other words, and what tests ask of them.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Options from "effect/Option"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"

/** A Schema that turns what another one reads into values of a third. */
export const transform = <A, I, B, J>(
  from: Schema.Codec<A, I>,
  to: Schema.Codec<B, J>,
  by: { readonly decode: (a: A) => J; readonly encode: (j: J) => A }
): Schema.Codec<B, I> =>
  from.pipe(Schema.decodeTo(to, SchemaTransformation.transform(by) as never)) as unknown as Schema.Codec<B, I>

/** As an array of entries, which is how Effect 3 encodes it. */
export const ReadonlyMap = <K, KI, V, VI>(key: Schema.Codec<K, KI>, value: Schema.Codec<V, VI>) =>
  transform(
    Schema.Array(Schema.Tuple([key, value])) as unknown as Schema.Codec<ReadonlyArray<readonly [K, V]>, unknown>,
    Schema.ReadonlyMap(Schema.toType(key), Schema.toType(value)),
    { decode: (entries) => new Map(entries), encode: (map) => [...map] }
  )

/** As an object, which is how Effect 3 encodes it. */
export const Option = <A, I>(value: Schema.Codec<A, I>): Schema.Codec<Options.Option<A>, unknown> =>
  transform(
    Schema.Union([
      Schema.Struct({ _tag: Schema.Literal("None") }),
      Schema.Struct({ _tag: Schema.Literal("Some"), value })
    ]),
    Schema.Option(Schema.toType(value)),
    {
      decode: (object) => (object._tag === "None" ? Options.none() : Options.some(object.value)),
      encode: (option) =>
        Options.isNone(option) ? { _tag: "None" as const } : { _tag: "Some" as const, value: option.value }
    }
  )

export const ValidDate = Schema.Date

export const whole = <I>(schema: Schema.Codec<number, I>): Schema.Codec<number, I> => schema.check(Schema.isInt())

export const betweenBigInt =
  (minimum: bigint, maximum: bigint) =>
  <I>(schema: Schema.Codec<bigint, I>): Schema.Codec<bigint, I> =>
    schema.check(Schema.isBetweenBigInt({ minimum, maximum }))

/** Values of a Schema. */
export const samples = <A>(schema: Schema.Codec<A, any>, count: number, seed: number): ReadonlyArray<A> =>
  Effect.runSync(Arbitrary.sampleEffect(Arbitrary.schema(schema), { count, seed }))

export const formatIssue: (issue: SchemaIssue.Issue) => string = SchemaIssue.makeFormatterDefault()

/** The paths of all options: of a group those of its options, and its own where it is no object alone. */
export const pathsOf = ({ ast }: Schema.Top): ReadonlyArray<ReadonlyArray<string>> => paths(ast)

const paths = (decoded: AST.AST): ReadonlyArray<ReadonlyArray<string>> => {
  const ast = AST.toType(decoded)
  return AST.isUnion(ast)
    ? ast.types.flatMap(paths)
    : AST.isObjects(ast)
      ? ast.propertySignatures.flatMap(({ name, type }) => {
          const inner = paths(type).map((path) => [String(name), ...path])
          const canBeOff = AST.isUnion(type) && type.types.some((type) => AST.isLiteral(type))
          return inner.length === 0 || canBeOff ? [[String(name)], ...inner] : inner
        })
      : []
}
