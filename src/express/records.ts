/**
 * The records of express-session and @fastify/session as JSON: an object of the session's values, with its cookie beside them.
 */
import { toBuffer } from "../internal/bytes.js"
import { never } from "../Provider/internal/time.js"

/** The cookie as a record has it: more than this, or less, depending on who wrote it. */
export interface RecordCookie {
  /** How long the session lives, in milliseconds; null if the browser keeps the cookie until it ends. */
  readonly originalMaxAge?: unknown
  readonly expires?: unknown
  readonly [attribute: string]: unknown
}

export const isObject = (u: unknown): u is Record<string, unknown> =>
  typeof u === "object" && u !== null && !Array.isArray(u)

/** Reads a stored record; undefined if it is none. */
export const parse = (payload: Uint8Array): Record<string, unknown> | undefined => {
  try {
    const record: unknown = JSON.parse(toBuffer(payload).toString("utf8"))
    return isObject(record) ? record : undefined
  } catch {
    return undefined
  }
}

/** A time of the future as a cookie notes it, or else the last one that JavaScript has. */
export const dateOf = (millis: number): string => new Date(Math.max(0, Math.min(millis, never))).toISOString()

/**
 * The end of a session by its cookie's `expires`, in milliseconds since the epoch. Undefined if it ends with the browser, if its cookie
 * has no lifetime by which a renewal moves its end (fastify's `cookie.expires`), or if the record does not begin with its cookie, as
 * express-session and @fastify/session write it. The record is not parsed: in JSON the quotes of a string are escaped, so that no value can
 * be taken for the cookie's `expires`.
 */
export const endOf = (payload: Uint8Array): number | undefined => {
  const expires = cookieWithEnd.exec(toBuffer(payload).toString("latin1", 0, cookieLength))?.[1]
  return expires === undefined ? undefined : Date.parse(expires) || undefined
}

const cookieWithEnd = /^\{"cookie":\{(?=[^{}]*?"originalMaxAge":\d)[^{}]*?"expires":"(\d{4}-\d\d-\d\dT[\d:.]+Z)"/

/** How many characters are searched: before `expires` express writes a lifetime, `partitioned` and `priority`, and fastify nothing. */
const cookieLength = 200
