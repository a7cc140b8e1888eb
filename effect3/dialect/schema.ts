/**
 * What this library builds with Schemas.
 */
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

/** The issue of a value that cannot be kept although it satisfies its Schema. */
export const mismatch = (schema: Schema.Schema.Any, value: unknown, message: string): ParseResult.ParseIssue =>
  new ParseResult.Type(schema.ast, value, message)

const saying = (message: string | undefined) => (message === undefined ? {} : { message: () => message })

/** A property that may be left out. */
export const withDefault = <A, I, R>(schema: Schema.Schema<A, I, R>, value: () => NoInfer<A>) =>
  Schema.optionalWith(schema, { default: value })

export const matching =
  (pattern: RegExp, message?: string) =>
  <A extends string, I, R>(self: Schema.Schema<A, I, R>): Schema.Schema<A, I, R> =>
    self.pipe(Schema.pattern(pattern, saying(message)))

export const between =
  (minimum: number, maximum: number, message?: string) =>
  <A extends number, I, R>(self: Schema.Schema<A, I, R>): Schema.Schema<A, I, R> =>
    self.pipe(Schema.between(minimum, maximum, saying(message)))

export const aboveZero = <A extends number, I, R>(self: Schema.Schema<A, I, R>): Schema.Schema<A, I, R> =>
  self.pipe(Schema.positive())

/** The values for which `problem` is undefined. */
export const satisfying: <S extends Schema.Schema.Any>(
  problem: (
    value: NoInfer<Schema.Schema.Type<S>>
  ) => string | { readonly path: ReadonlyArray<string>; readonly message: string } | undefined
) => (self: S) => Schema.filter<S> = Schema.filter

/** The values that a function makes, which encode as they are. */
export const parsed = <A extends I, I>(
  is: (u: unknown) => u is A,
  parse: (input: I) => Option.Option<A>,
  message: string
): Schema.Schema<A, I> =>
  Schema.transformOrFail(Schema.Unknown as Schema.Schema<any>, Schema.declare(is), {
    strict: true,
    decode: (input, _, ast) =>
      Option.match(parse(input), {
        onNone: () => ParseResult.fail(new ParseResult.Type(ast, input, message)),
        onSome: ParseResult.succeed
      }),
    encode: ParseResult.succeed
  })

/** The names of a struct's fields. */
export const namesOf = ({ ast }: Schema.Schema.Any): ReadonlyArray<string> =>
  AST.getPropertySignatures(AST.encodedAST(ast)).map(({ name }) => String(name))

/** A Schema in words. */
export const described = ({ ast }: Schema.Schema.Any): string => String(ast)

/** The Schema with an annotation of this library's own. */
export const annotated = <A, I, R>(schema: Schema.Schema<A, I, R>, id: string, value: string): Schema.Schema<A, I, R> =>
  schema.annotations({ [id]: value })
