/**
 * Decides what a request of another origin may do with a session. By Fetch Metadata (W3C), and by the Origin header where
 * browsers send none, as Go's `http.CrossOriginProtection` does it.
 */
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import { SessionError } from "../SessionError.js"
import type { SessionConfig } from "./configSchema.js"
import type { Sent } from "./Keeper.js"

/**
 * What a request may do with its session:
 *
 * - `free`: everything.
 * - `refused`: nothing. It is of another origin, and of a kind that acts.
 * - `withheld`: its browser may keep a session whose cookie it did not send, because SameSite forbids it. So it reads as
 *   a visitor without a session, and neither begins one nor sets or removes a cookie, which would displace the one that
 *   the browser has.
 * - `signIn`: as `withheld`, but it may begin a session that somebody signs in to: a trusted origin sent it, such as an
 *   identity provider with a form.
 */
export type Access = "free" | "refused" | "withheld" | "signIn"

export interface CrossOrigin {
  readonly access: (request: HttpServerRequest, sent: () => Sent | undefined) => Access
  /** Whether browsers send a request like this without the session's cookie, even if they have it. */
  readonly isWithheld: (request: HttpServerRequest) => boolean
}

type Headers = HttpServerRequest["headers"]

/** The methods that must not act (RFC 9110, 9.2.1), with which a WebSocket begins as well. */
const isSafe = ({ headers, method }: HttpServerRequest): boolean =>
  (method === "GET" || method === "HEAD" || method === "OPTIONS") && !isHandshake(headers)

const isHandshake = (headers: Headers): boolean => {
  const { upgrade } = headers
  return headers["sec-fetch-mode"] === "websocket" || (upgrade !== undefined && /\bwebsocket\b/i.test(upgrade))
}

export const makeCrossOrigin = ({ cookie, crossOrigin, query }: SessionConfig): CrossOrigin => {
  const trusted = crossOrigin === "allow" ? undefined : new Set(crossOrigin.trusted)
  const sameSite = cookie === false ? "none" : cookie.sameSite
  const isWithheld = (request: HttpServerRequest): boolean => {
    const { headers } = request
    return (
      headers["sec-fetch-site"] === "cross-site" &&
      (sameSite === "strict" ||
        (sameSite === "lax" &&
          !(isSafe(request) && headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document")))
    )
  }
  const isAllowed = (headers: Headers, url: string): boolean => {
    const { origin } = headers
    return (
      trusted === undefined ||
      (origin === undefined
        ? headers["sec-fetch-site"] === undefined
        : trusted.has(origin) || (headers["sec-fetch-site"] === undefined && isOwn(origin, headers, url)))
    )
  }
  return {
    access:
      cookie === false && query === false
        ? () => "free"
        : (request, read) => {
            const { headers } = request
            const site = headers["sec-fetch-site"]
            const acts = !isSafe(request)
            if (acts ? site === "same-origin" || site === "none" : site !== "cross-site") {
              return "free"
            }
            const sent = read()
            // No other site can make a browser send it, unless the app's CORS lets it.
            if (sent?.via === "header") {
              return "free"
            }
            return acts && !isAllowed(headers, request.originalUrl)
              ? "refused"
              : sent !== undefined || !isWithheld(request)
                ? "free"
                : acts
                  ? "signIn"
                  : "withheld"
          },
    isWithheld
  }
}

/** Whether an origin is the host that the request was sent to. Nothing that a proxy leaves tells the scheme. */
const isOwn = (origin: string, headers: Headers, url: string): boolean => {
  const host = headers["host"] ?? headers[":authority"]
  return (
    URL.canParse(origin) && hostOf(origin) === hostOf(host === undefined ? url : `${new URL(origin).protocol}//${host}`)
  )
}

const hostOf = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).host : undefined)

const failing = (message: string) => new SessionError({ reason: "CrossOrigin", message })

/** The error of a request that must not use its session. */
export const refused = () =>
  failing(
    "session: a request of another origin must not use it: if that origin is yours, add it to crossOrigin.trusted (SESSION_CROSS_ORIGIN_TRUSTED)"
  )

/** The error of a request that must not begin a session, nor end one. */
export const withheld = (operation: string) =>
  failing(
    `session: ${operation}: another site sent this request, for which SameSite keeps the session's cookie in the browser: it cannot begin or end a session; let a page of your own send it`
  )
