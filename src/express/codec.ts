/**
 * The records of express-session and @fastify/session: JSON of the session's values, with its cookie beside them.
 */
import * as Duration from "#effect/Duration"
import type { SessionConfig } from "../Manager/configSchema.js"
import { SessionError } from "../SessionError.js"
import { json, type SessionCodec } from "../Store/Codec.js"
import { dateOf, isObject, parse, type RecordCookie } from "./records.js"

/** The cookie that ends when the session does, if it does not end with the browser. */
const renewed = (cookie: RecordCookie, expiresAt: number | undefined): RecordCookie =>
  typeof cookie.originalMaxAge === "number" && expiresAt !== undefined
    ? { ...cookie, expires: dateOf(expiresAt) }
    : cookie

const unwritable = (message: string) => new SessionError({ reason: "InvalidValue", message })

/** The codec whose new sessions have this cookie. */
export const codecWith = (fresh: RecordCookie): SessionCodec => ({
  ...json,
  keepsNotes: false,
  idleTimeout: typeof fresh.originalMaxAge === "number" ? fresh.originalMaxAge : undefined,
  key: (_store, field) => field,
  decode: (payload) => {
    const { cookie, ...values } = parse(payload) ?? {}
    if (!isObject(cookie)) {
      return undefined
    }
    const { expires, originalMaxAge }: RecordCookie = cookie
    const lasts = typeof originalMaxAge === "number" && originalMaxAge > 0
    return {
      createdAt: undefined,
      idleTimeout: lasts ? originalMaxAge : undefined,
      endsWithBrowser: !lasts && !expires,
      values,
      rest: cookie
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
