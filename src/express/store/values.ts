/**
 * What express-session and @fastify/session give to a store, and what changed in it: the values of a session as JSON, each by
 * itself, so that a request's changes can be told from those of others.
 */
import { SessionError } from "../../SessionError.js"
import { dateOf, isObject, type RecordCookie } from "../records.js"

/** A session as a store gives it to express: its values, and its cookie. */
export type Document = Record<string, unknown> & { cookie?: unknown }

/** The values of a session as JSON, by name. A Map, because a name may be `__proto__`. */
export type Values = ReadonlyMap<string, string>

/** The values of a session, or the reason why they cannot be stored. */
export const valuesOf = (session: object): Values | SessionError => {
  try {
    const values = new Map<string, string>()
    for (const name of Object.keys(session)) {
      const text: string | undefined = JSON.stringify((session as Record<string, unknown>)[name])
      // As in JSON: functions and what is undefined are left out.
      if (text !== undefined) {
        values.set(name, text)
      }
    }
    return values
  } catch {
    return new SessionError({
      reason: "InvalidValue",
      message:
        "the session cannot be written as JSON: a value in it is a bigint, contains itself, or is nested too deep"
    })
  }
}

export const toPayload = (values: Values): Uint8Array => {
  const members = Array.from(values, ([name, text]) => `${JSON.stringify(name)}:${text}`)
  return Buffer.from(`{${members.join(",")}}`)
}

/** The cookie, if there is one, as it is read from JSON. */
const cookieIn = (values: Values): RecordCookie | undefined => {
  const cookie: unknown = JSON.parse(values.get("cookie") ?? "null")
  return isObject(cookie) ? cookie : undefined
}

/** How long a session lives from now on, in milliseconds: until its cookie ends, or else for `ttl`. */
export const lifetimeOf = (values: Values, ttl: number): number => {
  const { expires } = cookieIn(values) ?? {}
  const ends = typeof expires === "string" ? Date.parse(expires) : Number.NaN
  return Number.isNaN(ends) ? ttl : ends - Date.now()
}

/** More than the time from one millisecond to the next, in which express counts `originalMaxAge` down. */
const drift = 1000

/** Whether two cookies have the same attributes. When they end is not one: each request moves that. */
const isSame = (one: RecordCookie, other: RecordCookie): boolean =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].every((name) => {
    const [a, b] = [one[name], other[name]]
    return (
      name === "expires" ||
      name === "originalExpires" ||
      (name === "originalMaxAge" && typeof a === "number" && typeof b === "number"
        ? Math.abs(a - b) < drift
        : (a ?? null) === (b ?? null))
    )
  })

/** The cookie that a request leaves: its own if it changed that, or else the stored one, renewed. */
const cookieOn = (stored: Values, shown: Values, mine: Values): string | undefined => {
  const [now, before, after] = [cookieIn(stored), cookieIn(shown), cookieIn(mine)]
  if (
    now === undefined ||
    before === undefined ||
    after === undefined ||
    !isSame(before, after) ||
    isSame(now, after)
  ) {
    return mine.get("cookie")
  }
  const { originalMaxAge } = now
  return JSON.stringify(
    typeof originalMaxAge === "number" ? { ...now, expires: dateOf(Date.now() + originalMaxAge) } : now
  )
}

/**
 * Replays the changes of a request, which was shown these values and leaves others, onto what is stored now. What it was not
 * shown stays as it is.
 */
export const replayed = (stored: Values, shown: Values, mine: Values): Values => {
  const values = new Map(stored)
  for (const name of shown.keys()) {
    if (!mine.has(name)) {
      values.delete(name)
    }
  }
  for (const [name, text] of mine) {
    if (text !== shown.get(name)) {
      values.set(name, text)
    }
  }
  const cookie = cookieOn(stored, shown, mine)
  if (cookie !== undefined) {
    values.set("cookie", cookie)
  }
  return values
}

/** How much later than its record says a session has to end before it was renewed since: what a write takes. */
const slack = 100

/** Shows when a session ends, if its lifetime was renewed since its record was written. */
export const withEnd = (document: Document, expiresAt: number): Document => {
  const { cookie } = document
  if (
    isObject(cookie) &&
    typeof cookie["originalMaxAge"] === "number" &&
    typeof cookie["expires"] === "string" &&
    expiresAt - Date.parse(cookie["expires"]) > slack
  ) {
    document.cookie = { ...cookie, expires: dateOf(expiresAt) }
  }
  return document
}
