/**
 * How a session id travels: out of a request, and into a response.
 */
import * as Headers from "@effect/platform/Headers"
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Duration from "effect/Duration"
import type { LiveSession } from "./LiveSession.js"
import type { SessionConfig } from "./SessionConfig.js"

export interface Transport {
  /** The id that a client sent, unchecked. */
  readonly read: (request: HttpServerRequest) => string | undefined
  /** The response, with what the client has to be told. */
  readonly write: (
    response: HttpServerResponse.HttpServerResponse,
    reply: NonNullable<LiveSession["reply"]>
  ) => HttpServerResponse.HttpServerResponse
}

/** A longer Cookie header is not searched: no browser sends one. */
const maxCookieHeader = 64 * 1024

/**
 * The value of the cookie `name` in a Cookie header (RFC 6265bis 5.8.3); nothing where it occurs twice, since then someone
 * else, a sibling domain say, has set one of them.
 */
export const findCookie = (header: string, name: string): string | undefined => {
  if (header.length >= maxCookieHeader) {
    return undefined
  }
  let found: string | undefined
  let at = 0
  while (at < header.length) {
    let end = header.indexOf(";", at)
    if (end === -1) {
      end = header.length
    }
    while (header.charCodeAt(at) === 32 || header.charCodeAt(at) === 9) {
      at++
    }
    if (header.startsWith(name, at) && header.charCodeAt(at + name.length) === 61) {
      if (found !== undefined) {
        return undefined
      }
      found = header.slice(at + name.length + 1, end).trimEnd()
    }
    at = end + 1
  }
  return found
}

/** The value of a query parameter in a request's URL. */
const findParameter = (url: string, name: string): string | undefined => {
  const at = url.indexOf("?")
  return at === -1 ? undefined : (new URLSearchParams(url.slice(at + 1)).get(name) ?? undefined)
}

export const makeTransport = (config: SessionConfig): Transport => {
  const { cookie, header, query } = config
  const headerName = header === false ? undefined : header.toLowerCase()
  const cookieName = cookie === false ? undefined : nameOf(cookie)
  const attributes = cookie === false ? undefined : attributesOf(cookie)
  return {
    // In beego's order. A cookie that is there is the answer, even where it turns out to be of no session.
    read: (request) => {
      const { headers } = request
      if (cookieName !== undefined && headers["cookie"] !== undefined) {
        const value = findCookie(headers["cookie"], cookieName)
        if (value !== undefined) {
          return value
        }
      }
      if (query !== false) {
        const value = findParameter(request.originalUrl, query)
        if (value !== undefined) {
          return value
        }
      }
      return headerName === undefined ? undefined : headers[headerName]
    },
    write: (response, reply) => {
      const forget = reply === "forget"
      let next = guardCaches(response)
      if (cookieName !== undefined) {
        next = HttpServerResponse.unsafeSetCookie(
          next,
          cookieName,
          forget ? "" : reply.id,
          forget ? { ...attributes, maxAge: 0, expires: new Date(0) } : attributes
        )
      }
      if (headerName !== undefined) {
        next = HttpServerResponse.setHeader(next, headerName, forget ? "" : reply.id)
      }
      return next
    }
  }
}

type Cookie = Exclude<SessionConfig["cookie"], false>

/** The cookie's name: `__Host-id` (RFC 6265bis 4.1.3.2) unless the attributes forbid that prefix. */
const nameOf = (cookie: Cookie): string =>
  cookie.name ?? (cookie.secure && cookie.domain === undefined && cookie.path === "/" ? "__Host-id" : "id")

const attributesOf = (cookie: Cookie) => ({
  path: cookie.path,
  httpOnly: cookie.httpOnly,
  secure: cookie.secure,
  sameSite: cookie.sameSite,
  partitioned: cookie.partitioned,
  ...(cookie.domain === undefined ? {} : { domain: cookie.domain }),
  // Whole seconds, rounded up: 0 would delete the cookie.
  ...(cookie.maxAge === undefined ? {} : { maxAge: Duration.seconds(Math.ceil(Duration.toSeconds(cookie.maxAge))) })
})

/** A response that tells a session id is for one client alone (OWASP ASVS 14.3.2). */
const guardCaches = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse => {
  const { headers } = response
  const cacheControl = headers["cache-control"]
  const vary = headers["vary"]
  return HttpServerResponse.setHeaders(
    response,
    Headers.fromInput({
      "cache-control": cacheControl !== undefined && /\bno-store\b/i.test(cacheControl) ? cacheControl : "no-store",
      vary: vary === undefined ? "Cookie" : /(^|,)\s*(\*|cookie)\s*(,|$)/i.test(vary) ? vary : `${vary}, Cookie`
    })
  )
}
