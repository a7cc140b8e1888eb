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

/** A member of a union, and how its encoded values are told from the others'. */
export interface Member {
  readonly shape: Shape
  readonly is: (encoded: unknown) => boolean
}
