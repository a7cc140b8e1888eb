/**
 * How a session id travels: out of a request, and into a response. Where clients hold the session itself, it may take several cookies:
 * `name`, `name.1`, `name.2` and so on.
 */
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Duration from "effect/Duration"
import type { Capabilities } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import type { SessionConfig } from "./SessionConfig.js"

/** What a response tells its client: an id to come back with, or that there is none any more. */
export type Reply = { readonly id: string } | "forget"

export interface Transport {
  /** The id that a client sent, unchecked. */
  readonly read: (request: HttpServerRequest) => string | undefined
  /** The response, with what the client has to be told; `cookies` is the Cookie header that it sent. */
  readonly write: (
    response: HttpServerResponse.HttpServerResponse,
    reply: Reply,
    cookies: string | undefined
  ) => HttpServerResponse.HttpServerResponse
}

/** A longer Cookie header is not searched: no browser sends one. */
const maxCookieHeader = 64 * 1024

/** The most bytes of a cookie: name, value and attributes together (RFC 6265bis 5.7; RFC 6265 6.1). */
const maxCookie = 4096

/** Finds the cookies in a Cookie header (RFC 6265bis 5.8.3) whose names start with `name`; `found` gets the rest of each name. */
const search = (header: string, name: string, found: (rest: string, value: string) => void): void => {
  if (header.length >= maxCookieHeader) {
    return
  }
  let at = 0
  while (at < header.length) {
    let end = header.indexOf(";", at)
    if (end === -1) {
      end = header.length
    }
    while (header.charCodeAt(at) === 32 || header.charCodeAt(at) === 9) {
      at++
    }
    if (header.startsWith(name, at)) {
      const pair = header.slice(at, end)
      const equals = pair.indexOf("=", name.length)
      if (equals !== -1) {
        found(pair.slice(name.length, equals), pair.slice(equals + 1).trimEnd())
      }
    }
    at = end + 1
  }
}

/**
 * The value of the cookie `name`; nothing where it occurs twice, since then someone else, a sibling domain say, has set one of them.
 */
export const findCookie = (header: string, name: string): string | undefined => {
  let value: string | undefined
  let times = 0
  search(header, name, (rest, found) => {
    if (rest === "") {
      value = found
      times++
    }
  })
  return times === 1 ? value : undefined
}

/** The parts of a value that was spread over cookies, by their place in it; an empty one where a cookie occurs twice. */
const findParts = (header: string, name: string): Map<number, string> => {
  const parts = new Map<number, string>()
  search(header, name, (rest, value) => {
    const place = rest === "" ? 0 : /^\.[1-9]\d?$/.test(rest) ? Number(rest.slice(1)) : undefined
    if (place !== undefined) {
      parts.set(place, parts.has(place) ? "" : value)
    }
  })
  return parts
}

/** The whole value. What is put together of parts that do not belong together is found out by who opens it. */
const join = (parts: Map<number, string>): string | undefined => {
  let value = parts.get(0)
  for (let place = 1; value !== undefined && parts.has(place); place++) {
    const part = parts.get(place)!
    value = value === "" || part === "" ? undefined : value + part
  }
  return value
}

/** The value of a query parameter in a request's URL. */
const findParameter = (url: string, name: string): string | undefined => {
  const at = url.indexOf("?")
  return at === -1 ? undefined : (new URLSearchParams(url.slice(at + 1)).get(name) ?? undefined)
}

export const makeTransport = (config: SessionConfig, heldBy: Capabilities["heldBy"]): Transport => {
  const { cookie, header, query } = config
  const headerName = header === false ? undefined : header.toLowerCase()
  const name = cookie === false ? undefined : nameOf(cookie)
  const attributes = cookie === false ? undefined : attributesOf(cookie)
  const sent = cookie !== false && cookie.sent
  const room = name === undefined ? 0 : roomIn(name, attributes)
  const spread = heldBy === "client"

  const setCookie = (response: HttpServerResponse.HttpServerResponse, place: number, value: string) =>
    HttpServerResponse.unsafeSetCookie(response, place === 0 ? name! : `${name}.${place}`, value, attributes)
  const expireCookie = (response: HttpServerResponse.HttpServerResponse, place: number) =>
    HttpServerResponse.unsafeSetCookie(response, place === 0 ? name! : `${name}.${place}`, "", {
      ...attributes,
      maxAge: 0,
      expires: new Date(0)
    })

  return {
    // In beego's order. A cookie with something in it is the answer, even where it turns out to be of no session.
    read: (request) => {
      const { headers } = request
      if (name !== undefined && headers["cookie"] !== undefined) {
        const value = spread ? join(findParts(headers["cookie"], name)) : findCookie(headers["cookie"], name)
        if (value !== undefined && value !== "") {
          return value
        }
      }
      if (query !== false) {
        const value = findParameter(request.originalUrl, query)
        if (value !== undefined && value !== "") {
          return value
        }
      }
      return headerName === undefined ? undefined : headers[headerName]
    },
    write: (response, reply, cookies) => {
      const value = reply === "forget" ? "" : reply.id
      let next = guardCaches(response)
      if (name !== undefined && sent) {
        const count = value === "" ? 0 : spread ? Math.ceil(value.length / room) : 1
        for (let place = 0; place < count; place++) {
          next = setCookie(next, place, spread ? value.slice(place * room, (place + 1) * room) : value)
        }
        // What is no longer needed: of the parts only those that the client sent.
        for (const place of new Set([0, ...(spread ? findParts(cookies ?? "", name).keys() : [])])) {
          if (place >= count) {
            next = expireCookie(next, place)
          }
        }
      }
      if (headerName !== undefined) {
        next = HttpServerResponse.setHeader(next, headerName, value)
      }
      return next
    }
  }
}

/** Why a session cannot be held by clients under this configuration, if it cannot. */
export const checkHeldByClient = (config: SessionConfig): SessionError | undefined => {
  const { cookie, header, query } = config
  const wrong =
    cookie === false || header !== false || query !== false
      ? "header, query: sessions that clients hold travel in cookies alone; leave both out, and cookie on"
      : roomIn(nameOf(cookie), attributesOf(cookie)) < maxCookie / 2
        ? "cookie: its name, domain and path leave too little room for a session in it"
        : undefined
  return wrong === undefined ? undefined : new SessionError({ reason: "InvalidConfig", message: wrong })
}

/** How much of a value a cookie has room for, with the longest name that it can have as a part. */
const roomIn = (name: string, attributes: ReturnType<typeof attributesOf> | undefined): number =>
  maxCookie - Cookies.serializeCookie(Cookies.unsafeMakeCookie(`${name}.99`, "", attributes)).length

type Cookie = Exclude<SessionConfig["cookie"], false>

/** The name under which the session travels in cookies; nothing where it does not. */
export const cookieName = ({ cookie }: SessionConfig): string => (cookie === false ? "" : nameOf(cookie))

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
