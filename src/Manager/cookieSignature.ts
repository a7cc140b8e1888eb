/**
 * The signature of an id in a cookie, as express-session and @fastify/session make it: the prefix, the id, a dot, and
 * the id's HMAC-SHA256 in base64 without `=` (the package cookie-signature). The cookie has all of it percent-encoded.
 */
import { createHmac, timingSafeEqual } from "node:crypto"
import * as Redacted from "#effect/Redacted"
import type { SessionConfig } from "./configSchema.js"

/** Whether the ids in a cookie are signed. */
export const isSigned = (cookie: SessionConfig["cookie"]): cookie is Exclude<SessionConfig["cookie"], false> =>
  cookie !== false && cookie.secrets.length > 0

export interface CookieSignature {
  /** Returns the cookie's value for an id, not yet percent-encoded; the first secret signs it. */
  readonly sign: (id: string) => string
  /** Returns the id in a cookie's value, or an empty text if none of the secrets has signed it. */
  readonly open: (value: string) => string
}

/** The longest value that is looked at: a cookie of this size is none of ours, and to hash it costs time. */
const maxValue = 4096

const percentDecoded = (value: string): string => {
  if (!value.includes("%")) {
    return value
  }
  try {
    return decodeURIComponent(value)
  } catch {
    return ""
  }
}

export const makeSignature = (secrets: ReadonlyArray<Redacted.Redacted<string>>, prefix: string): CookieSignature => {
  const keys = secrets.map(Redacted.value)
  const mac = (id: string, key: string): string =>
    createHmac("sha256", key).update(id).digest("base64").replace(/=+$/, "")
  /** Compares in a time that does not depend on the place of the first difference. */
  const isBy = (id: string, signature: string) => (key: string) => {
    const expected = Buffer.from(mac(id, key))
    const given = Buffer.from(signature)
    return expected.length === given.length && timingSafeEqual(expected, given)
  }
  return {
    sign: (id) => `${prefix}${id}.${mac(id, keys[0]!)}`,
    open: (value) => {
      const text = value.length > maxValue ? "" : percentDecoded(value)
      const dot = text.lastIndexOf(".")
      if (dot <= prefix.length || !text.startsWith(prefix)) {
        return ""
      }
      const id = text.slice(prefix.length, dot)
      return keys.some(isBy(id, text.slice(dot + 1))) ? id : ""
    }
  }
}
