/**
 * What a bound session says to its browser beside the session's own cookie: the bound cookie, and the headers and the
 * JSON of Device Bound Session Credentials.
 */
import * as Cookies from "#effect/http/Cookies"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import { findCookies } from "../cookieHeader.js"
import type { Offer, Shown } from "../Keeper.js"
import { algorithms } from "./proof.js"

type Response = HttpServerResponse.HttpServerResponse

export interface Wire {
  /** What a request shows of its browser's device. */
  readonly read: (request: HttpServerRequest) => Shown
  /** Asks the browser to bind the session. */
  readonly offer: (response: Response, offer: Offer) => Response
  /** Sets the bound cookie. */
  readonly prove: (response: Response, value: string) => Response
  /** Removes the bound cookie. */
  readonly forget: (response: Response) => Response
  /** Tells the browser which session it is, where it renews the proof, and for which cookie. */
  readonly describe: (identifier: string, origin: string | undefined) => unknown
}

/** The path below which browsers renew the proof. */
export const refreshPath = (path: string): string => `${path}/refresh`

/** `attributes` are the session cookie's, without its age, and `lasting` is the age of the bound one. */
export const makeWire = (
  sessionCookie: string,
  attributes: NonNullable<Cookies.Cookie["options"]>,
  lasting: Pick<NonNullable<Cookies.Cookie["options"]>, "maxAge">,
  path: string
): Wire => {
  const name = `${sessionCookie}-bound`
  const shown = Cookies.serializeCookie(Cookies.makeCookieUnsafe(name, "", attributes))
  const prove = (response: Response, value: string) =>
    HttpServerResponse.setCookieUnsafe(response, name, value, { ...attributes, ...lasting })
  return {
    read: ({ headers }) => ({
      cookies: findCookies(headers["cookie"] ?? "", name),
      skipped: headers["secure-session-skipped"]
    }),
    offer: (response, { challenge, cookie }) =>
      HttpServerResponse.setHeader(
        prove(response, cookie),
        "secure-session-registration",
        `(${algorithms});path="${path}";challenge="${challenge}"`
      ),
    prove,
    forget: (response) =>
      HttpServerResponse.setCookieUnsafe(response, name, "", { ...attributes, maxAge: 0, expires: new Date(0) }),
    describe: (identifier, origin) => ({
      session_identifier: identifier,
      refresh_url: refreshPath(path),
      scope: { ...(origin === undefined ? {} : { origin }), include_site: false },
      // For a request that another site makes, the browser renews the proof only where it sends the session's cookie along:
      // a renewal without it would end the binding.
      ...(attributes.sameSite === "none" ? { allowed_refresh_initiators: ["*"] } : {}),
      credentials: [{ type: "cookie", name, attributes: shown.slice(shown.indexOf(";") + 1).trim() }]
    })
  }
}
