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
import type { StoredId } from "../Provider/contract.js"
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
  /** When the session got its id, if that was renewed since `createdAt`, in milliseconds since the epoch. */
  readonly idMadeAt?: number | undefined
  /** The session's own idle timeout in milliseconds, if the format has one for each session. */
  readonly idleTimeout?: number | undefined
  /** Whether the browser is to forget the session when it ends, whatever `cookie.maxAge` is, if the format says so of each. */
  readonly endsWithBrowser?: boolean | undefined
  /** Who has signed in, if anybody has. */
  readonly owner?: Owner | undefined
  /** The fields' values under the codec's keys. A key may be any text, even `__proto__`. */
  readonly values: Readonly<Record<string, unknown>>
  /** Other data that the codec found beside the values. It is kept and written back unchanged. */
  readonly rest?: unknown
}

/**
 * What a session knows of the person who signed in. Times are in milliseconds since the epoch.
 *
 * @since 3.0.0
 * @category models
 */
export interface Owner {
  /** A SHA-256 of the principal, as 43 characters of base64url: it names the list of the person's sessions. */
  readonly principal: StoredId
  /** The principal, sealed under the session's id, which backends do not know. */
  readonly sealed: string
  /** Names the session in the list of the person's sessions. It stays while the id changes. */
  readonly family: string
  /** How many times the session has changed its id since then. */
  readonly moves: number
  /** When the person signed in first, in this session. */
  readonly startedAt: number
  /** When the person signed in last. */
  readonly signedInAt: number
  /** When the session was used last, as far as writes tell. */
  readonly seenAt: number
  /** The session's own idle and absolute timeout in milliseconds, if its owner asked to be remembered. */
  readonly lifetimes?: readonly [idle: number, absolute: number] | undefined
  /** On sealed cookies: names the time since all sessions of the person were ended last. */
  readonly generation?: string | undefined
  /** What its client was seen with last, if `signals` asks for it: hashes that are keyed with the session's id. */
  readonly client?: { readonly address?: string; readonly agent?: string } | undefined
  /** What binds the session to its device, with the option `deviceBound`. */
  readonly binding?: Binding | undefined
}

/**
 * What binds a session to the device of the person who signed in (W3C Device Bound Session Credentials).
 *
 * @since 3.0.0
 * @category models
 */
export interface Binding {
  /** The secret with which the session signs the challenges and cookies that it gives to the browser. */
  readonly secret: string
  /** When the cookie that was given last ends, in milliseconds since the epoch. */
  readonly until: number
  /** The browser's public key: a SubjectPublicKeyInfo (RFC 5280) as base64url. Without it, no browser has bound the session. */
  readonly key?: string | undefined
  /** The challenges that were answered and have not ended. */
  readonly used: ReadonlyArray<string>
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
  /**
   * Whether the format has room for what the library itself notes in a session: when it began, when it got its id, and
   * who has signed in. If not, nobody can sign in.
   */
  readonly keepsNotes: boolean
  /** The idle timeout of sessions that begin, in milliseconds, if the format has one for each session. Default the configuration's. */
  readonly idleTimeout?: number | undefined
  /** The kinds of values that the format holds, in words for an error message. */
  readonly holds: string
  /**
   * Returns the key of a store's field among the session's values. Two fields have different keys, unless they are
   * meant to share one.
   */
  readonly key: (store: string, field: string) => string
  /** Reads a session; `undefined` if the bytes are not a session in this format. Never throws. */
  readonly decode: (payload: Uint8Array) => SessionData | undefined
  /**
   * Writes a session; a `SessionError` if the format cannot hold the data. Never throws. `expiresAt` is when the session will
   * expire, in milliseconds since the epoch, for a format that says so too.
   */
  readonly encode: (data: SessionData, expiresAt?: number) => Uint8Array | SessionError
  /** Compiles a field's Schema. Called once per field, not per request. */
  readonly field: <A, I>(schema: Schema.Codec<A, I>) => FieldCodec<A>
}

/**
 * The versions of the JSON format: of a record without and with notes of an owner or a renewed id, which code that does
 * not know of them must not write. Records of version 1 have none.
 */
const version = { plain: 2, noted: 3 }

const isRecord = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null && !Array.isArray(u)

const toData = (record: unknown): SessionData | undefined => {
  if (!isRecord(record)) {
    return undefined
  }
  const { d, i, o, t, v } = record
  if (!isRecord(d) || typeof t !== "number") {
    return undefined
  }
  if (v === version.noted) {
    return (i === undefined || typeof i === "number") && (o === undefined || isOwner(o))
      ? withRest({ createdAt: t, idMadeAt: i, owner: o, values: d }, record)
      : undefined
  }
  return v === undefined || v === version.plain ? withRest({ createdAt: t, values: d }, record) : undefined
}

const isOwner = (u: unknown): u is Owner =>
  isRecord(u) &&
  ["principal", "sealed", "family"].every((key) => typeof u[key] === "string") &&
  ["moves", "startedAt", "signedInAt", "seenAt"].every((key) => typeof u[key] === "number") &&
  (u["lifetimes"] === undefined ||
    (Array.isArray(u["lifetimes"]) &&
      u["lifetimes"].length === 2 &&
      u["lifetimes"].every((millis) => typeof millis === "number" && millis > 0))) &&
  (u["generation"] === undefined || typeof u["generation"] === "string") &&
  (u["client"] === undefined ||
    (isRecord(u["client"]) && Object.values(u["client"]).every((hash) => typeof hash === "string"))) &&
  (u["binding"] === undefined || isBinding(u["binding"]))

const isBinding = (u: unknown): u is Binding =>
  isRecord(u) &&
  typeof u["secret"] === "string" &&
  typeof u["until"] === "number" &&
  (u["key"] === undefined || typeof u["key"] === "string") &&
  Array.isArray(u["used"]) &&
  u["used"].every((text) => typeof text === "string")

/** Adds the entries of the record that this version does not know. */
const withRest = (data: SessionData, record: Record<string, unknown>): SessionData => {
  const known = record["v"] === version.noted ? notedKeys : plainKeys
  for (const key in record) {
    if (!known.has(key)) {
      return { ...data, rest: Object.fromEntries(Object.entries(record).filter(([key]) => !known.has(key))) }
    }
  }
  return data
}

const plainKeys = new Set(["v", "t", "d"])
const notedKeys = new Set(["v", "t", "d", "i", "o"])

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
 * Stores sessions as JSON text: `{"v": 2, "t": createdAt, "d": {"<store>.<field>": encoded value}}`; with an owner or a
 * renewed id `{"v": 3, "t": createdAt, "i": idMadeAt, "o": owner, "d": ...}`. `docs/stores.md` describes the format.
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
  keepsNotes: true,
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
  encode: ({ createdAt, idMadeAt, owner, rest, values }) => {
    try {
      const record =
        idMadeAt === undefined && owner === undefined
          ? { v: version.plain, t: createdAt, d: values }
          : { v: version.noted, t: createdAt, i: idMadeAt, o: owner, d: values }
      const text = JSON.stringify(rest === undefined ? record : { ...(rest as object), ...record })
      return Buffer.from(text)
    } catch {
      return unwritable()
    }
  },
  field: jsonField
}
