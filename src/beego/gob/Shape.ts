/**
 * The encoded side of a Schema, in the parts that Go's types depend on.
 */
import type { ScalarKind } from "./Scalar.js"

export type Shape = {
  /** The Go type of the outermost annotation. */
  readonly annotated: string | undefined
} & (
  | { readonly kind: ScalarKind | "integer" | "anything" }
  /** One value, such as a literal, null or undefined. */
  | { readonly kind: "value"; readonly value: string | number | boolean | bigint | null | undefined }
  | { readonly kind: "union"; readonly members: ReadonlyArray<Member> }
  | { readonly kind: "lazy"; readonly shape: () => Shape }
  /** The first elements; then any number of the first of `rest`, and the others of `rest` at the end. */
  | { readonly kind: "list"; readonly elements: ReadonlyArray<Shape>; readonly rest: ReadonlyArray<Shape> }
  | {
      readonly kind: "record"
      readonly fields: ReadonlyMap<PropertyKey, Shape>
      /** The shape of all other fields. */
      readonly index: Shape | undefined
    }
)

/** What a Schema is without its annotation. */
export type Parts = Shape extends infer S ? (S extends Shape ? Omit<S, "annotated"> : never) : never

/** A member of a union, and how its encoded values are told from the others'. */
export interface Member {
  readonly shape: Shape
  readonly is: (encoded: unknown) => boolean
}

/** The values of an enum. */
export const enumOf = (values: ReadonlyArray<string | number>): Parts => ({
  kind: "union",
  members: values.map((value) => ({
    shape: { annotated: undefined, kind: "value", value },
    is: (encoded) => encoded === value
  }))
})

/** An object; Go has one type for all fields that a Schema does not name. */
export const recordOf = <Ast>(
  {
    indexSignatures,
    propertySignatures
  }: {
    readonly indexSignatures: ReadonlyArray<{ readonly type: Ast }>
    readonly propertySignatures: ReadonlyArray<{ readonly name: PropertyKey; readonly type: Ast }>
  },
  shapeOf: (ast: Ast) => Shape
): Parts => ({
  kind: "record",
  fields: new Map(propertySignatures.map(({ name, type }) => [name, shapeOf(type)])),
  index: indexSignatures.map(({ type }) => shapeOf(type))[0]
})
