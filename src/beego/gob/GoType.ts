// The Go types that a field can be written as, and the annotations that choose one.
import { annotated } from "#dialect/schema"
import type * as DateTime from "#effect/DateTime"
import type * as Schema from "#effect/Schema"

/** The annotation of a Schema that holds its Go type. */
export const GoTypeId = "effect-session/Gob/GoType"

type GoSigned = "int" | "int8" | "int16" | "int32" | "int64"

type GoUnsigned = "uint" | "uint8" | "uint16" | "uint32" | "uint64"

export type GoInteger = GoSigned | GoUnsigned

export type GoBasic = "bool" | "string" | GoInteger | "float32" | "float64"

/**
 * The Go types that beego reads without registration in the app, and `time.Time`. For the latter, a Go app must call
 * `gob.Register(time.Time{})` in a process that reads one before it has written one.
 *
 * @since 3.0.0
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
 * The encoded types of the Schemas that can be written as the Go type.
 *
 * @since 3.0.0
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
 * Chooses the Go type that a field, or a part of one, is written as. Without it, the encoded side of the Schema decides
 * (see `field`). Reading accepts any Go type that fits, with or without it.
 *
 * @example
 * import { Schema } from "effect"
 * import { Gob } from "effect-session/beego"
 *
 * const roles = Schema.Array(Schema.String).pipe(Gob.as("[]string"))
 *
 * @since 3.0.0
 * @category annotations
 */
export const as =
  <const T extends GoType>(goType: T) =>
  <A, I extends EncodedFor<T>, R>(self: Schema.Codec<A, I, R>): Schema.Codec<A, I, R> =>
    annotated(self, GoTypeId, goType)

/**
 * Chooses Go's `int`, the default for `Schema.Int`.
 *
 * @since 3.0.0
 * @category annotations
 */
export const int = as("int")

/**
 * Chooses Go's `int8`: -128 to 127.
 *
 * @since 3.0.0
 * @category annotations
 */
export const int8 = as("int8")

/**
 * Chooses Go's `int16`.
 *
 * @since 3.0.0
 * @category annotations
 */
export const int16 = as("int16")

/**
 * Chooses Go's `int32`, which is also `rune`.
 *
 * @since 3.0.0
 * @category annotations
 */
export const int32 = as("int32")

/**
 * Chooses Go's `int64`, the default for `Schema.BigIntFromSelf`.
 *
 * @since 3.0.0
 * @category annotations
 */
export const int64 = as("int64")

/**
 * Chooses Go's `uint`.
 *
 * @since 3.0.0
 * @category annotations
 */
export const uint = as("uint")

/**
 * Chooses Go's `uint8`, which is also `byte`.
 *
 * @since 3.0.0
 * @category annotations
 */
export const uint8 = as("uint8")

/**
 * Chooses Go's `uint16`.
 *
 * @since 3.0.0
 * @category annotations
 */
export const uint16 = as("uint16")

/**
 * Chooses Go's `uint32`.
 *
 * @since 3.0.0
 * @category annotations
 */
export const uint32 = as("uint32")

/**
 * Chooses Go's `uint64`.
 *
 * @since 3.0.0
 * @category annotations
 */
export const uint64 = as("uint64")

/**
 * Chooses Go's `float32`. A number is rounded to the nearest one.
 *
 * @since 3.0.0
 * @category annotations
 */
export const float32 = as("float32")

/**
 * Chooses Go's `float64`, the default for `Schema.Number`.
 *
 * @since 3.0.0
 * @category annotations
 */
export const float64 = as("float64")

/**
 * Chooses Go's `string`, the default for `Schema.String`. For a Schema of bytes, the text need not be UTF-8.
 *
 * @since 3.0.0
 * @category annotations
 */
export const string = as("string")

/**
 * Chooses Go's `[]byte`, the default for `Schema.Uint8ArrayFromSelf`.
 *
 * @since 3.0.0
 * @category annotations
 */
export const bytes = as("[]uint8")

/**
 * Chooses Go's `time.Time`, in UTC and with millisecond precision. The Schema may encode to text (`Schema.Date`) or to
 * milliseconds since the epoch (`Schema.DateTimeUtcFromNumber`); it is the default for `Schema.DateFromSelf` and
 * `Schema.DateTimeUtcFromSelf`.
 *
 * @since 3.0.0
 * @category annotations
 */
export const time = as("time.Time")
