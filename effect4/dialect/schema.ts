/**
 * What this library builds with Schemas.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import { kindOf } from "./kinds.js"

/** The issue of a value that cannot be kept although it satisfies its Schema. */
export const mismatch = (_schema: Schema.Top, _value: unknown, message: string): SchemaIssue.Issue =>
  new SchemaIssue.InvalidValue({ message })

const saying = (message: string | undefined) => (message === undefined ? {} : { message })

const checked =
  (filter: unknown) =>
  <S extends Schema.Top>(self: S): S =>
    (self as any).check(filter)

/** A property that may be left out. */
export const withDefault = <S extends Schema.Top>(
  schema: S,
  value: () => NoInfer<S["Type"]>
): Schema.withDecodingDefaultType<S> => schema.pipe(Schema.withDecodingDefaultType(Effect.sync(value)))

export const matching = (pattern: RegExp, message?: string) => checked(Schema.isPattern(pattern, saying(message)))

export const between = (minimum: number, maximum: number, message?: string) =>
  checked(
    Schema.isBetween(
      { minimum, maximum },
      { expected: `a number between ${minimum} and ${maximum}`, ...saying(message) }
    )
  )

export const aboveZero = checked(Schema.isGreaterThan(0, { expected: "a positive number" }))

/** The values for which `problem` is undefined. */
export const satisfying =
  <S extends Schema.Top>(
    problem: (
      value: NoInfer<S["Type"]>
    ) => string | { readonly path: ReadonlyArray<string>; readonly message: string } | undefined
  ) =>
  (self: S): S =>
    checked(
      Schema.makeFilter((value: S["Type"]) => {
        const found = problem(value)
        return typeof found === "object" ? { path: found.path, issue: found.message } : found
      })
    )(self)

/** The values that a function makes, which encode as they are. */
export const parsed = <A extends I, I>(
  is: (u: unknown) => u is A,
  parse: (input: I) => Option.Option<A>,
  message: string
): Schema.Codec<A, I> =>
  (Schema.Unknown as unknown as Schema.Codec<I>).pipe(
    Schema.decodeTo(Schema.declare(is), {
      decode: SchemaGetter.transformEffect((input: I) =>
        Option.match(parse(input), {
          onNone: () => Effect.fail(new SchemaIssue.InvalidValue({ message })),
          onSome: (made): Effect.Effect<A, SchemaIssue.Issue> => Effect.succeed(made)
        })
      ),
      encode: SchemaGetter.transform((made: A): I => made)
    })
  )

/** The names of a struct's fields. */
export const namesOf = ({ ast }: Schema.Top): ReadonlyArray<string> => {
  const encoded = AST.toEncoded(ast)
  return AST.isObjects(encoded) ? encoded.propertySignatures.map(({ name }) => String(name)) : []
}

/** A Schema in words. */
export const described = ({ ast }: Schema.Top): string => kindOf(ast)

/** The Schema with an annotation of this library's own. */
export const annotated = <A, I, R>(schema: Schema.Codec<A, I, R>, id: string, value: string): Schema.Codec<A, I, R> =>
  schema.annotate({ [id]: value }) as Schema.Codec<A, I, R>
