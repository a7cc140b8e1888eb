/**
 * Schemas that are said in other words, and what tests ask of them.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

/** A Schema that turns what another one reads into values of a third. */
export const transform = <A, I, B, J>(
  from: Schema.Schema<A, I>,
  to: Schema.Schema<B, J>,
  by: { readonly decode: (a: A) => J; readonly encode: (j: J) => A }
): Schema.Schema<B, I> => Schema.transform(from, to, { strict: true, ...by })

export const ReadonlyMap = <K, KI, V, VI>(key: Schema.Schema<K, KI>, value: Schema.Schema<V, VI>) =>
  Schema.ReadonlyMap({ key, value })

export const { Option } = Schema

export const ValidDate = Schema.ValidDateFromSelf

export const whole = <I>(schema: Schema.Schema<number, I>): Schema.Schema<number, I> => schema.pipe(Schema.int())

export const betweenBigInt =
  (minimum: bigint, maximum: bigint) =>
  <I>(schema: Schema.Schema<bigint, I>): Schema.Schema<bigint, I> =>
    schema.pipe(Schema.betweenBigInt(minimum, maximum))

/** Values of a Schema. */
export const samples = <A>(schema: Schema.Schema<A, any>, count: number, seed: number): ReadonlyArray<A> =>
  FastCheck.sample(Arbitrary.make(schema), { numRuns: count, seed })

export const formatIssue: (issue: ParseResult.ParseIssue) => string = ParseResult.TreeFormatter.formatIssueSync

/** The paths of all options: of a group those of its options, and its own where it is no object alone. */
export const pathsOf = ({ ast }: Schema.Schema.Any): ReadonlyArray<ReadonlyArray<string>> => paths(ast)

const paths = (ast: AST.AST): ReadonlyArray<ReadonlyArray<string>> =>
  AST.isTransformation(ast) || AST.isRefinement(ast)
    ? paths(ast.from)
    : AST.isUnion(ast)
      ? ast.types.flatMap(paths)
      : AST.isTypeLiteral(ast)
        ? ast.propertySignatures.flatMap(({ name, type }) => {
            const inner = paths(type).map((path) => [String(name), ...path])
            const canBeOff = AST.isUnion(type) && type.types.some((type) => AST.isLiteral(type))
            return inner.length === 0 || canBeOff ? [[String(name)], ...inner] : inner
          })
        : []
