/**
 * Compiles a store's fields for a codec. The app's code in them (Schemas, `migrate`) may throw: then the value counts
 * as one that cannot be read or stored.
 */
import { valueOf } from "#dialect/result"
import { described } from "#dialect/schema"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import type * as Schema from "#effect/Schema"
import * as SchemaParser from "#effect/SchemaParser"
import { SessionError } from "../SessionError.js"
import type { FieldCodec, SessionCodec } from "./Codec.js"
import { put } from "./jsonValue.js"
import type { Any, Field } from "./SessionStore.js"
import { toField } from "./SessionStore.js"

/** The values of a session, as an operation changes them. */
export type Draft = Record<string, unknown>

/** A field compiled for a codec. */
export interface BoundField {
  /** The store's and the field's name, for messages. */
  readonly name: string
  readonly key: string
  readonly codec: FieldCodec<any>
  readonly default: (() => unknown) | undefined
  readonly migrate: ((stored: unknown) => unknown) | undefined
  /** Makes the error for a value that cannot be stored. */
  readonly refused: (value: unknown) => SessionError
}

/** A store's fields compiled for a codec. */
export interface BoundFields {
  readonly store: string
  readonly byName: ReadonlyMap<string, BoundField>
}

/** Compiles a store's fields: once per store and manager. */
export const bind = (store: Any, codec: SessionCodec): BoundFields => ({
  store: store.key,
  byName: new Map(
    Object.entries(store.fields).map(([name, declared]) => [
      name,
      bindField(`${store.key}.${name}`, codec.key(store.key, name), toField(declared), codec)
    ])
  )
})

const bindField = (name: string, key: string, field: Field<any, any, boolean>, codec: SessionCodec): BoundField => ({
  name,
  key,
  codec: codec.field(field.schema),
  default: field.default,
  migrate: field.migrate,
  refused: refusal(name, field.schema, codec.holds)
})

/** Makes an error for a field. Its message must not contain the value, which may be a secret. */
export const invalidValue = (name: string, why: string): SessionError =>
  new SessionError({ reason: "InvalidValue", message: `${name}: ${why}` })

const refusal = (name: string, schema: Schema.Codec<any, any>, holds: string): BoundField["refused"] => {
  // Compiled when first needed.
  let satisfies: ((value: unknown) => boolean) | undefined
  const isValid = (value: unknown) => {
    try {
      satisfies ??= SchemaParser.is(schema)
      return satisfies(value)
    } catch {
      return false
    }
  }
  return (value) =>
    invalidValue(
      name,
      !isValid(value)
        ? `the value does not satisfy the field's Schema: ${described(schema)}`
        : value === undefined
          ? "undefined cannot be stored: delete the field instead"
          : `the value satisfies the Schema, but does not encode to a value that can be stored. ${holds}`
    )
}

const decode = (field: BoundField, stored: unknown): Option.Option<unknown> => {
  try {
    return Result.getSuccess(field.codec.decode(stored))
  } catch {
    return Option.none()
  }
}

const migrated = (field: BoundField, stored: unknown): Option.Option<unknown> => {
  if (field.migrate === undefined) {
    return Option.none()
  }
  try {
    // A copy, because the stored value must not change until the field is set.
    return decode(field, field.migrate(structuredClone(stored)))
  } catch {
    return Option.none()
  }
}

/**
 * Reads a field's stored value. A value that cannot be read counts as absent, and is reported with `dropped`. Never
 * throws.
 */
export const read = (
  field: BoundField,
  draft: Readonly<Draft>,
  report: { readonly dropped: (key: string) => void }
): Option.Option<unknown> => {
  if (!Object.hasOwn(draft, field.key)) {
    return Option.none()
  }
  const stored = draft[field.key]
  const decoded = decode(field, stored)
  const value = Option.isSome(decoded) ? decoded : migrated(field, stored)
  if (Option.isNone(value)) {
    report.dropped(field.key)
  }
  return value
}

/** Returns the value, or the field's default. Throws if the `default` throws. */
export const orDefault = (field: BoundField, value: Option.Option<unknown>): unknown =>
  field.default === undefined ? value : Option.isSome(value) ? value.value : field.default()

/** Encodes a value in the codec's form. Never throws. */
export const encode = (field: BoundField, value: unknown): Result.Result<unknown, SessionError> => {
  try {
    const encoded = field.codec.encode(value)
    if (Result.isSuccess(encoded)) {
      return Result.succeed(valueOf(encoded))
    }
  } catch {
    // Handled below like a value that the Schema refuses.
  }
  return Result.fail(field.refused(value))
}

/** Stores an encoded value in the draft. */
export const store = (field: BoundField, draft: Draft, encoded: unknown): undefined => {
  put(draft, field.key, encoded)
  return undefined
}

/** Deletes fields from the draft. */
export const remove = (fields: Iterable<BoundField>, draft: Draft): undefined => {
  for (const field of fields) {
    delete draft[field.key]
  }
  return undefined
}
