// The Go types that a field can be written as, and the annotations that choose one.
import type * as DateTime from "effect/DateTime"
import type * as Schema from "effect/Schema"

/** The annotation of a Schema that holds its Go type. */
export const GoTypeId: unique symbol = Symbol.for("effect-session/Gob/GoType")

type GoSigned = "int" | "int8" | "int16" | "int32" | "int64"

type GoUnsigned = "uint" | "uint8" | "uint16" | "uint32" | "uint64"

export type GoInteger = GoSigned | GoUnsigned

export type GoBasic = "bool" | "string" | GoInteger | "float32" | "float64"

/**
 * The Go types that beego reads without the app registering any, and `time.Time`, which a Go app registers by
 * `gob.Register(time.Time{})` where it is to be read by a process that has not written one yet.
 *
 * @since 0.1.0
 * @category models
 */
export type GoType =
  | GoBasic
  | `[]${GoBasic}`
  | "time.Time"
  | "[]interface {}"
  | `map[${"string" | "int"}]${"interface {}" | "string"}`
  | "map[int]int"
  | "map[int]int64"

/**
 * What a Schema must encode to so that it can be written as the Go type.
 *
 * @since 0.1.0
 * @category models
 */
export type EncodedFor<T extends GoType | "interface {}"> =
  | null
  | undefined
  | (T extends "interface {}"
      ? unknown
      : T extends "bool"
        ? boolean
        : T extends "string"
          ? string | Uint8Array
          : T extends GoInteger
            ? number | bigint | string
            : T extends "float32" | "float64"
              ? number
              : T extends "time.Time"
                ? Date | DateTime.Utc | string | number
                : T extends "[]uint8"
                  ? Uint8Array | ReadonlyArray<number>
                  : T extends `[]${infer E extends GoBasic | "interface {}"}`
                    ? ReadonlyArray<EncodedFor<E>>
                    : T extends `map[${string}]${infer E extends GoBasic | "interface {}"}`
                      ? { readonly [key: string]: EncodedFor<E> }
                      : never)

/**
 * Chooses the Go type that a field, or a part of one, is written as; without it, what its Schema encodes to decides (see
 * `field`). Reading takes whatever fits, with or without it.
 *
 * @example
 * import { Schema } from "effect"
 * import { Gob } from "effect-session/beego"
 *
 * const roles = Schema.Array(Schema.String).pipe(Gob.as("[]string"))
 *
 * @since 0.1.0
 * @category annotations
 */
export const as =
  <const T extends GoType>(goType: T) =>
  <A, I extends EncodedFor<T>, R>(self: Schema.Schema<A, I, R>): Schema.Schema<A, I, R> =>
    self.annotations({ [GoTypeId]: goType })

/**
 * Go's `int`, the default of `Schema.Int`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const int = as("int")

/**
 * Go's `int8`: -128 to 127.
 *
 * @since 0.1.0
 * @category annotations
 */
export const int8 = as("int8")

/**
 * Go's `int16`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const int16 = as("int16")

/**
 * Go's `int32`, which is also `rune`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const int32 = as("int32")

/**
 * Go's `int64`, the default of `Schema.BigIntFromSelf`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const int64 = as("int64")

/**
 * Go's `uint`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const uint = as("uint")

/**
 * Go's `uint8`, which is also `byte`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const uint8 = as("uint8")

/**
 * Go's `uint16`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const uint16 = as("uint16")

/**
 * Go's `uint32`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const uint32 = as("uint32")

/**
 * Go's `uint64`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const uint64 = as("uint64")

/**
 * Go's `float32`: a number is rounded to the nearest one.
 *
 * @since 0.1.0
 * @category annotations
 */
export const float32 = as("float32")

/**
 * Go's `float64`, the default of `Schema.Number`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const float64 = as("float64")

/**
 * Go's `string`: of bytes, for text that need not be UTF-8. The default of `Schema.String`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const string = as("string")

/**
 * Go's `[]byte`, the default of `Schema.Uint8ArrayFromSelf`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const bytes = as("[]uint8")

/**
 * Go's `time.Time`, in UTC and milliseconds: of text (`Schema.Date`), of milliseconds since the epoch
 * (`Schema.DateTimeUtcFromNumber`), and the default of `Schema.DateFromSelf` and `Schema.DateTimeUtcFromSelf`.
 *
 * @since 0.1.0
 * @category annotations
 */
export const time = as("time.Time")
