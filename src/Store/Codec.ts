/**
 * How the data of a session become the bytes that a provider keeps, and back.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import type { SessionError } from "../SessionError.js"

/**
 * What a session holds, with each field's value in the codec's own form.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionData {
  /** When the session began, in milliseconds since the epoch; `undefined` where the format cannot tell. */
  readonly createdAt: number | undefined
  readonly values: Readonly<Record<string, unknown>>
  /** What the codec found beside the values, kept as it is and written back. */
  readonly rest?: unknown
}

/**
 * One field: between a value and the codec's form of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface FieldCodec<A> {
  readonly decode: (stored: unknown) => Either.Either<A, ParseResult.ParseIssue>
  readonly encode: (value: A) => Either.Either<unknown, ParseResult.ParseIssue>
}

/**
 * A format of sessions. JSON by default; beego's gob is another.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionCodec {
  /** The key of a store's field among the session's values. */
  readonly key: (store: string, field: string) => string
  /** `undefined` where the bytes are not a session in this format. Never throws. */
  readonly decode: (payload: Uint8Array) => SessionData | undefined
  /** Answers a `SessionError` where the format cannot hold the data. */
  readonly encode: (data: SessionData) => Uint8Array | SessionError
  /** Compiles a field's Schema; called once per field, not per request. */
  readonly field: <A, I>(schema: Schema.Schema<A, I>) => FieldCodec<A>
}

const isRecord = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null && !Array.isArray(u)

/** Whether JSON keeps the value as it is: `Schema.DateFromSelf`, say, encodes to a Date, which JSON would change to text. */
const isJson = (u: unknown): boolean => {
  switch (typeof u) {
    case "string":
    case "boolean":
      return true
    case "number":
      return Number.isFinite(u)
    case "object": {
      if (u === null) return true
      if (Array.isArray(u)) return u.every(isJson)
      const prototype = Object.getPrototypeOf(u)
      return (
        (prototype === Object.prototype || prototype === null) &&
        Object.values(u).every((value) => value === undefined || isJson(value))
      )
    }
    default:
      return false
  }
}

const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/**
 * Sessions as JSON text: `{"t": createdAt, "d": {"<store>.<field>": encoded value}}`. Fields are stored as their Schema
 * encodes them, so a Schema must encode to what JSON can hold (`Schema.Date`, not `Schema.DateFromSelf`; no `NaN`).
 *
 * @since 0.1.0
 * @category codecs
 */
export const json = {
  key: (store, field) => `${store}.${field}`,
  decode: (payload) => {
    try {
      const parsed: unknown = JSON.parse(toBuffer(payload).toString("utf8"))
      return isRecord(parsed) && isRecord(parsed["d"]) && typeof parsed["t"] === "number"
        ? { createdAt: parsed["t"], values: parsed["d"] }
        : undefined
    } catch {
      return undefined
    }
  },
  encode: (data) => Buffer.from(JSON.stringify({ t: data.createdAt, d: data.values })),
  field: (schema) => {
    const encode = ParseResult.encodeEither(schema)
    return {
      decode: ParseResult.decodeUnknownEither(schema),
      encode: (value) =>
        Either.flatMap(encode(value), (encoded) =>
          isJson(encoded)
            ? Either.right(encoded)
            : Either.left(new ParseResult.Type(schema.ast, value, "it does not encode to JSON (as Schema.Date does)"))
        )
    }
  }
} satisfies SessionCodec
