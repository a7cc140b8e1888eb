/**
 * Reads a session's token from a request, and writes it into a response. If clients hold the session itself, it may
 * take several cookies: `name`, `name.1`, `name.2` and so on.
 */
import * as Duration from "#effect/Duration"
import * as Cookies from "#effect/http/Cookies"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import { makeWire, type Wire } from "./bound/wire.js"
import type { Caches } from "./caches.js"
import type { SessionConfig } from "./configSchema.js"
import { findCookies, findParts, joinParts, splitValue } from "./cookieHeader.js"
import { mostDays } from "./cookieSchema.js"
import { expireOthers } from "./cookieScopes.js"
import { isSigned, makeSignature } from "./cookieSignature.js"
import type { Keeper, Reply, Sent } from "./Keeper.js"

type Response = HttpServerResponse.HttpServerResponse

export interface Transport {
  /** Returns what a client sent of its session, or undefined if it sent no text that can be a session's token. */
  readonly read: (request: HttpServerRequest) => Sent | undefined
  /** Adds a reply to the response. */
  readonly write: (response: Response, reply: Reply, request: HttpServerRequest) => Response
  /** Adds cookies to the response that expire those with the session's name which are not this configuration's own. */
  readonly tidy: (response: Response, request: HttpServerRequest) => Response
  /** Returns the headers of a request that brings a token, or undefined if the token can travel only in a URL. */
  readonly headersOf: (token: string) => Record<string, string> | undefined
  /** What is said of the device that the session is bound to; undefined if sessions are not bound to any. */
  readonly bound: Wire | undefined
}

/** The largest size of a cookie in bytes: name, value and attributes together (RFC 6265bis 5.7; RFC 6265 6.1). */
const maxCookie = 4096

/** The value of a query parameter in a request's URL. */
const findParameter = (url: string, name: string): string | undefined => {
  const at = url.indexOf("?")
  return at === -1 ? undefined : (new URLSearchParams(url.slice(at + 1)).get(name) ?? undefined)
}

/** The empty token that removes a cookie. */
const forgotten: Exclude<Reply, "forget"> = { token: "" }

export const makeTransport = (
  config: SessionConfig,
  { accepts, needsResponse: spread }: Pick<Keeper, "accepts" | "needsResponse">,
  { forbid }: Pick<Caches, "forbid">
): Transport => {
  const { cookie, header } = config
  const cookies = cookie === false ? undefined : makeCookies(cookie, spread)
  const headerName = header === false ? undefined : header.toLowerCase()
  const bound = boundOf(config)
  const read = makeRead(config, accepts, cookies)
  return {
    bound,
    read:
      bound === undefined
        ? read
        : (request) => {
            const sent = read(request)
            return sent && { ...sent, shown: bound.read(request) }
          },
    write: (response, reply, request) => {
      const { lasts, offer, token } = reply === "forget" ? forgotten : reply
      if (cookies?.sent !== true && headerName === undefined) {
        return response
      }
      const next = forbid(response)
      const told = cookies?.sent === true ? cookies.write(next, token, request, lasts) : next
      const shown =
        bound === undefined
          ? told
          : offer !== undefined
            ? bound.offer(told, offer)
            : token === ""
              ? bound.forget(told)
              : told
      return headerName === undefined ? shown : HttpServerResponse.setHeader(shown, headerName, token)
    },
    tidy: (response, request) => (cookies?.sent === true ? cookies.tidy(response, request) : response),
    headersOf: (token) =>
      cookies !== undefined ? { cookie: cookies.header(token) } : header !== false ? { [header]: token } : undefined
  }
}

/**
 * Looks in beego's order: cookie, query parameter, header. A non-empty cookie always wins, even if it belongs to no
 * session.
 */
const makeRead = (
  { header, query }: SessionConfig,
  accepts: Keeper["accepts"],
  cookies: ReturnType<typeof makeCookies> | undefined
): Transport["read"] => {
  const headerName = header === false ? undefined : header.toLowerCase()
  const one = (token: string, via: Sent["via"]): Sent | undefined =>
    accepts(token) ? { tokens: [token], more: false, doubled: false, via } : undefined
  return (request) => {
    const { headers } = request
    const values = headers["cookie"] === undefined ? undefined : cookies?.read(headers["cookie"])
    if (values !== undefined && values.length > 1) {
      const tokens = [...new Set(values)].filter(accepts)
      return { tokens: tokens.slice(0, 2), more: tokens.length > 2, doubled: true, via: "cookie" }
    }
    const cookie = values?.[0]
    if (cookie !== undefined && cookie !== "") {
      return one(cookie, "cookie")
    }
    if (query !== false) {
      const value = findParameter(request.originalUrl, query)
      if (value !== undefined && value !== "") {
        return one(value, "query")
      }
    }
    const value = headerName === undefined ? undefined : headers[headerName]
    return value === undefined ? undefined : one(value, "header")
  }
}

type Cookie = Exclude<SessionConfig["cookie"], false>
type Lasts = Exclude<Reply, "forget">["lasts"]

/** The cookies of a session; several if it is spread over them. */
const makeCookies = (cookie: Cookie, spread: boolean) => {
  const name = nameOf(cookie)
  const attributes = attributesOf(cookie)
  const { maxAge: _, ...ending } = attributes
  const room = roomIn(name, attributes)
  const signature = isSigned(cookie) ? makeSignature(cookie.secrets, cookie.valuePrefix) : undefined
  const sign = signature === undefined ? (value: string) => value : signature.sign
  const nameAt = (place: number) => (place === 0 ? name : `${name}.${place}`)
  const expired = { ...attributes, maxAge: 0, expires: new Date(0) }
  return {
    sent: cookie.sent,
    header: (value: string) =>
      (spread ? splitValue(value, room) : [sign(value)])
        .map((part, place) => `${nameAt(place)}=${encodeURIComponent(part)}`)
        .join("; "),
    read: (header: string) => {
      const values = spread ? joinParts(findParts(header, name)) : findCookies(header, name)
      return signature === undefined ? values : values.map(signature.open)
    },
    write: (response: Response, value: string, { headers }: HttpServerRequest, lasts: Lasts) => {
      const values = value === "" ? [] : spread ? splitValue(value, room) : [sign(value)]
      const lasting =
        lasts === undefined ? attributes : lasts === "browser" ? ending : { ...attributes, ...maxAgeOf(lasts) }
      let next = response
      for (const [place, part] of values.entries()) {
        next = HttpServerResponse.setCookieUnsafe(next, nameAt(place), part, lasting)
      }
      // Expires cookies that are no longer needed; of the parts, only those that the client sent.
      for (const place of spread ? new Set([0, ...findParts(headers["cookie"] ?? "", name).keys()]) : [0]) {
        if (place >= values.length) {
          next = HttpServerResponse.setCookieUnsafe(next, nameAt(place), "", expired)
        }
      }
      return next
    },
    tidy: (response: Response, request: HttpServerRequest) => {
      const places = spread ? [...new Set([0, ...findParts(request.headers["cookie"] ?? "", name).keys()])] : [0]
      const others = places.flatMap((place) => expireOthers(nameAt(place), cookie, request))
      // Under keys of their own, since there is only one cookie per name.
      return HttpServerResponse.replaceCookies(
        response,
        Cookies.fromReadonlyRecord({
          ...response.cookies.cookies,
          ...Object.fromEntries(others.map((other, i) => [`${name} ${i}`, other]))
        })
      )
    }
  }
}

/** What is said of the device that a session is bound to, with the session's cookie. */
const boundOf = ({ cookie, deviceBound }: SessionConfig): Wire | undefined => {
  if (cookie === false || deviceBound === undefined) {
    return undefined
  }
  const { every, path } = deviceBound
  const { maxAge: _, ...attributes } = attributesOf(cookie)
  return makeWire(nameOf(cookie), attributes, maxAgeOf(Duration.toMillis(every)), path)
}

/** Whether a cookie has room for the sessions that clients hold. */
export const hasRoom = (cookie: Cookie): boolean => roomIn(nameOf(cookie), attributesOf(cookie)) >= maxCookie / 2

/**
 * The most characters of a value in one cookie, if the cookie has the longest name that a part can have, and is kept for
 * the longest time.
 */
const roomIn = (name: string, attributes: ReturnType<typeof attributesOf>): number =>
  maxCookie -
  Cookies.serializeCookie(
    Cookies.makeCookieUnsafe(`${name}.99`, "", { ...attributes, ...maxAgeOf(Number.POSITIVE_INFINITY) })
  ).length

/** The name of the session's cookie, or an empty string if it travels in none. */
export const cookieName = ({ cookie }: SessionConfig): string => (cookie === false ? "" : nameOf(cookie))

/** The cookie's name: with the strongest prefix that its attributes allow (RFC 6265bis 4.1.3). */
const nameOf = ({ domain, name, path, secure }: Cookie): string =>
  name ?? (secure ? (domain === undefined && path === "/" ? "__Host-id" : "__Secure-id") : "id")

const attributesOf = (cookie: Cookie) => ({
  path: cookie.path,
  httpOnly: cookie.httpOnly,
  secure: cookie.secure,
  sameSite: cookie.sameSite,
  partitioned: cookie.partitioned,
  ...(cookie.domain === undefined ? {} : { domain: cookie.domain }),
  ...(cookie.maxAge === undefined ? {} : maxAgeOf(Duration.toMillis(cookie.maxAge)))
})

/**
 * The Max-Age attribute for a time in milliseconds, which is not longer than browsers allow. In whole seconds, rounded
 * up: 0 deletes the cookie.
 */
const maxAgeOf = (millis: number) => ({ maxAge: Duration.seconds(Math.min(Math.ceil(millis / 1000), mostSeconds)) })

const mostSeconds = mostDays * 24 * 60 * 60
