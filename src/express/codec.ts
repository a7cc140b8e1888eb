/**
 * The records of express-session and @fastify/session: JSON of the session's values, with its cookie beside them.
 */
import * as Duration from "#effect/Duration"
import { toBuffer } from "../internal/bytes.js"
import type { SessionConfig } from "../Manager/configSchema.js"
import { SessionError } from "../SessionError.js"
import { json, type SessionCodec } from "../Store/Codec.js"

/** The cookie as a record has it: more than this, or less, depending on who wrote it. */
interface RecordCookie {
  /** How long the session lives, in milliseconds; null if the browser keeps the cookie until it ends. */
  readonly originalMaxAge?: unknown
  readonly [attribute: string]: unknown
}

const isObject = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === "object" && u !== null && !Array.isArray(u)

/** The last time that JavaScript has, in milliseconds since the epoch. */
const lastTime = 8.64e15

/** The cookie that ends when the session does, if it does not end with the browser. */
const renewed = (cookie: RecordCookie, expiresAt: number | undefined): RecordCookie =>
  typeof cookie.originalMaxAge === "number" && expiresAt !== undefined
    ? { ...cookie, expires: new Date(Math.min(expiresAt, lastTime)).toISOString() }
    : cookie

const unwritable = (message: string) => new SessionError({ reason: "InvalidValue", message })

/** The codec whose new sessions have this cookie. */
export const codecWith = (fresh: RecordCookie): SessionCodec => ({
  ...json,
  keepsNotes: false,
  idleTimeout: typeof fresh.originalMaxAge === "number" ? fresh.originalMaxAge : undefined,
  key: (_store, field) => field,
  decode: (payload) => {
    try {
      const record: unknown = JSON.parse(toBuffer(payload).toString("utf8"))
      if (!isObject(record) || !isObject(record["cookie"])) {
        return undefined
      }
      const { cookie, ...values } = record
      const { expires, originalMaxAge } = cookie as RecordCookie
      const lasts = typeof originalMaxAge === "number" && originalMaxAge > 0
      return {
        createdAt: undefined,
        idleTimeout: lasts ? originalMaxAge : undefined,
        endsWithBrowser: !lasts && !expires,
        values,
        rest: cookie
      }
    } catch {
      return undefined
    }
  },
  encode: ({ rest, values }, expiresAt) => {
    if ("cookie" in values) {
      return unwritable("the field cookie: express-session keeps the session's cookie under this name; choose another")
    }
    try {
      return Buffer.from(
        JSON.stringify({ cookie: renewed((rest as RecordCookie | undefined) ?? fresh, expiresAt), ...values })
      )
    } catch {
      return unwritable("the session cannot be written as JSON: a value in it is nested too deep")
    }
  }
})

/** The cookie of the sessions that begin here, as express-session notes it. */
export const cookieOf = ({ cookie }: SessionConfig): RecordCookie => {
  if (cookie === false) {
    return noAttributes
  }
  const { domain, httpOnly, maxAge, partitioned, path, sameSite, secure } = cookie
  return {
    originalMaxAge: maxAge === undefined ? null : Duration.toMillis(maxAge),
    expires: null,
    ...(partitioned ? { partitioned } : {}),
    secure,
    httpOnly,
    ...(domain === undefined ? {} : { domain }),
    path,
    sameSite
  }
}

const noAttributes: RecordCookie = { originalMaxAge: null, expires: null, httpOnly: true, path: "/" }

/**
 * Stores sessions as express-session and @fastify/session do: JSON of the values, with `cookie` beside them. A field is stored
 * under its own name, whatever its store, and none can be called `cookie`. Values that no store declares stay as they are when a
 * session is read and written. A session lives as long as its own `cookie.originalMaxAge` says, in milliseconds, or as long as
 * `idleTimeout`; the format has no place for its start, so that `absoluteTimeout` has no effect.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Express from "effect-session/express"
 * import * as Memory from "effect-session/memory"
 *
 * const SessionLive = SessionLayer.make(Memory.layer(), { idleTimeout: "1 day" }, Express.codec)
 *
 * @since 3.0.0
 * @category codecs
 */
export const codec: SessionCodec = codecWith(noAttributes)
