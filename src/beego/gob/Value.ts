// The contents of a gob stream: types as the wire knows them, and values with the name of their Go type.

/**
 * A type as gob transmits it. It has no width (`int8` and `int64` are both `int`): that is in the name of the Go type,
 * which only values inside a Go `interface{}` carry. Types may refer to themselves.
 *
 * @since 3.0.0
 * @category models
 */
export type GobType =
  | { readonly kind: BuiltinKind }
  | { readonly kind: "slice"; readonly name: string; readonly elem: GobType }
  | { readonly kind: "array"; readonly name: string; readonly elem: GobType; readonly length: number }
  | { readonly kind: "map"; readonly name: string; readonly key: GobType; readonly elem: GobType }
  | { readonly kind: "struct"; readonly name: string; readonly fields: ReadonlyArray<StructField> }
  | { readonly kind: "opaque"; readonly name: string; readonly encoder: OpaqueEncoder }

/**
 * A field of a struct type.
 *
 * @since 3.0.0
 * @category models
 */
export interface StructField {
  readonly name: string
  readonly type: GobType
}

/**
 * The interface with which a Go type, such as `time.Time`, writes itself.
 *
 * @since 3.0.0
 * @category models
 */
export type OpaqueEncoder = "GobEncoder" | "BinaryMarshaler" | "TextMarshaler"

/**
 * The content of a value, in the form that its `GobType` determines:
 *
 * | kind | content |
 * | --- | --- |
 * | bool | `boolean` |
 * | int, uint | `number`, or `bigint` if it is not a safe integer |
 * | float | `number` |
 * | complex | `[real, imaginary]` |
 * | string | `string`, or its bytes if they are not UTF-8 |
 * | bytes, opaque | `Uint8Array`: a view of the stream that was read |
 * | slice, array | an array of contents |
 * | map | an array of `[key, element]` |
 * | struct | an array of `[index of the field, content]`; missing fields are zero |
 * | interface | a `GobValue`, or `null` for nil |
 *
 * @since 3.0.0
 * @category models
 */
export type Content =
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | GobValue
  | null
  | ReadonlyArray<Content>
  | ReadonlyArray<readonly [Content, Content]>

/**
 * The value in a Go `interface{}`, with the name of its Go type, such as `int64`, `[]string` or `main.Profile`.
 *
 * @since 3.0.0
 * @category models
 */
export interface GobValue {
  readonly goType: string
  readonly type: GobType
  readonly content: Content
}

/**
 * A session in beego's format, a `map[interface{}]interface{}`.
 *
 * @since 3.0.0
 * @category models
 */
export interface GobSession {
  /** The entries whose key is a Go `string`. */
  readonly fields: ReadonlyMap<string, GobValue>
  /** All other entries (with keys of other types, or nil values), kept as they are. */
  readonly others: ReadonlyArray<readonly [GobValue | null, GobValue | null]>
}

/** The types that every stream knows, in the order of their ids, 1 to 8 (encoding/gob, type.go). */
export const builtinKinds = ["bool", "int", "uint", "float", "bytes", "string", "complex", "interface"] as const

export type BuiltinKind = (typeof builtinKinds)[number]

const byKind = <A>(make: (kind: BuiltinKind) => A) =>
  Object.fromEntries(builtinKinds.map((kind) => [kind, make(kind)])) as Record<BuiltinKind, A>

export const builtin: Record<BuiltinKind, GobType> = byKind((kind) => ({ kind }))

export const builtinIds: ReadonlyArray<GobType | undefined> = [undefined, ...builtinKinds.map((kind) => builtin[kind])]

/** The first id that a stream may define. The ids below are gob's own. */
export const firstDefinedId = 64

// Slices and maps of built-in types are one object each, so that a stream defines each once, wherever its values come
// from. Go ignores the names in their definitions.

export const sliceOf: Record<BuiltinKind, GobType> = byKind((elem) => ({
  kind: "slice",
  name: "",
  elem: builtin[elem]
}))

export const mapOf: Record<BuiltinKind, Record<BuiltinKind, GobType>> = byKind((key) =>
  byKind((elem) => ({ kind: "map", name: "", key: builtin[key], elem: builtin[elem] }))
)

/** `map[interface{}]interface{}`. */
export const sessionType = mapOf.interface.interface
