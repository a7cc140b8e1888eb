/**
 * Converts the data of a session to the bytes that a provider keeps, and back.
 *
 * @since 3.0.0
 */
import { valueOf } from "#dialect/result"
import { mismatch } from "#dialect/schema"
import { losesProto, sharesParts, toJson } from "#dialect/schemaParts"
import * as Result from "#effect/Result"
import type * as Schema from "#effect/Schema"
import type * as SchemaIssue from "#effect/SchemaIssue"
import * as SchemaParser from "#effect/SchemaParser"
import { toBuffer } from "../internal/bytes.js"
import { SessionError } from "../SessionError.js"
import { hasProto } from "./hasProto.js"
import { copyJson, maxDepth } from "./jsonValue.js"

/**
 * The data of a session, with each field's value in the codec's own form.
 *
 * @since 3.0.0
 * @category models
 */
export interface SessionData {
  /** When the session began, in milliseconds since the epoch; `undefined` if the format cannot tell. */
  readonly createdAt: number | undefined
  /** The fields' values under the codec's keys. A key may be any text, even `__proto__`. */
  readonly values: Readonly<Record<string, unknown>>
  /** Other data that the codec found beside the values. It is kept and written back unchanged. */
  readonly rest?: unknown
}

/**
 * Converts one field between its value and the codec's form of it. A value that cannot be converted gives a `Left`; an
 * app's Schema may also throw, which has the same effect.
 *
 * The result of `decode` shares no object with `stored`, and the result of `encode` shares none with `value`, so a
 * handler that changes a value in place changes nothing in the session.
 *
 * @since 3.0.0
 * @category models
 */
export interface FieldCodec<A> {
  readonly decode: (stored: unknown) => Result.Result<A, SchemaIssue.Issue>
  readonly encode: (value: A) => Result.Result<unknown, SchemaIssue.Issue>
}

/**
 * Converts sessions to bytes and back. Sessions are JSON text (`json`) unless a manager is given another codec; with
 * beego's backends they are in Go's gob format.
 *
 * @example
 * import { deflateRawSync, inflateRawSync } from "node:zlib"
 * import { SessionCodec, SessionConfig, SessionError, SessionManager } from "effect-session"
 *
 * const { json } = SessionCodec
 *
 * // JSON, compressed: for sessions that are large and full of text.
 * const compressed: SessionCodec.SessionCodec = {
 *   ...json,
 *   decode: (payload) => {
 *     try {
 *       return json.decode(inflateRawSync(payload, { maxOutputLength: 1_000_000 }))
 *     } catch {
 *       return undefined
 *     }
 *   },
 *   encode: (data) => {
 *     const payload = json.encode(data)
 *     return payload instanceof SessionError ? payload : deflateRawSync(payload)
 *   }
 * }
 *
 * const manager = SessionManager.layer({ idleTimeout: "30 minutes" }, compressed)
 *
 * @since 3.0.0
 * @category models
 */
export interface SessionCodec {
  /** The kinds of values that the format holds, in words for an error message. */
  readonly holds: string
  /**
   * Returns the key of a store's field among the session's values. Two fields have different keys, unless they are
   * meant to share one.
   */
  readonly key: (store: string, field: string) => string
  /** Reads a session; `undefined` if the bytes are not a session in this format. Never throws. */
  readonly decode: (payload: Uint8Array) => SessionData | undefined
  /** Writes a session; a `SessionError` if the format cannot hold the data. Never throws. */
  readonly encode: (data: SessionData) => Uint8Array | SessionError
  /** Compiles a field's Schema. Called once per field, not per request. */
  readonly field: <A, I>(schema: Schema.Codec<A, I>) => FieldCodec<A>
}

/** The version of the JSON format. Records of version 1 have none. */
const version = 2

const isRecord = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null && !Array.isArray(u)

const toData = (record: unknown): SessionData | undefined => {
  if (!isRecord(record)) {
    return undefined
  }
  const { d, t, v } = record
  if (!isRecord(d) || typeof t !== "number" || (v !== undefined && v !== version)) {
    return undefined
  }
  return Object.keys(record).length === (v === undefined ? 2 : 3)
    ? { createdAt: t, values: d }
    : { createdAt: t, values: d, rest: beside(record) }
}

/** The entries of a record that this version does not know. */
const beside = ({ d, t, v, ...rest }: Record<string, unknown>): unknown => rest

const unwritable = () =>
  new SessionError({
    reason: "InvalidValue",
    message: "the session cannot be written as JSON: a value in it is nested too deep"
  })

const jsonField = <A, I>(declared: Schema.Codec<A, I>): FieldCodec<A> => {
  const schema = toJson(declared)
  const encode = SchemaParser.encodeResult(schema)
  const decode = SchemaParser.decodeUnknownResult(schema)
  const shares = sharesParts(schema)
  const loses = losesProto(schema)
  const unfit = (value: unknown) => Result.fail(mismatch(schema, value, "JSON would change it"))
  const decodeObject = (stored: object) => {
    const own = shares ? copyJson(stored) : stored
    return own === undefined || (loses && hasProto(own)) ? unfit(stored) : decode(own)
  }
  return {
    decode: (stored) => (typeof stored === "object" && stored !== null ? decodeObject(stored) : decode(stored)),
    encode: (value) => {
      const encoded = loses && hasProto(value) ? unfit(value) : encode(value)
      if (Result.isFailure(encoded)) {
        return encoded
      }
      const copy = copyJson(valueOf(encoded))
      return copy === undefined ? unfit(value) : Result.succeed(copy)
    }
  }
}

/**
 * Stores sessions as JSON text: `{"v": 2, "t": createdAt, "d": {"<store>.<field>": encoded value}}`. `docs/stores.md`
 * describes the format.
 *
 * Fields are stored as their Schema encodes them, so a Schema must encode to a JSON value (`Schema.Date`, not
 * `Schema.DateFromSelf`; no `NaN`), nested at most 500 levels deep.
 *
 * @example
 * import { SessionCodec } from "effect-session"
 *
 * const payload = SessionCodec.json.encode({ createdAt: Date.now(), values: { "AppSession.userId": "ada" } })
 *
 * @since 3.0.0
 * @category codecs
 */
export const json: SessionCodec = {
  holds: `JSON holds null, booleans, finite numbers, text, arrays and plain objects, at most ${maxDepth} levels deep and not cyclic. In a record no key can be "__proto__"`,
  // In the field's part a dot is escaped, so that the last unescaped dot divides the two. In the store's part it need
  // not be.
  key: (store, field) => `${store.replaceAll("\\", "\\\\")}.${field.replaceAll("\\", "\\\\").replaceAll(".", "\\.")}`,
  decode: (payload) => {
    try {
      return toData(JSON.parse(toBuffer(payload).toString("utf8")))
    } catch {
      return undefined
    }
  },
  encode: ({ createdAt, rest, values }) => {
    try {
      const text =
        rest === undefined
          ? JSON.stringify({ v: version, t: createdAt, d: values })
          : JSON.stringify({ ...(rest as object), v: version, t: createdAt, d: values })
      return Buffer.from(text)
    } catch {
      return unwritable()
    }
  },
  field: jsonField
}
