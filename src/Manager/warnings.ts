/**
 * Warnings about mistakes that browsers do not report. Each is logged once, since a thousand such requests have one
 * mistake in the configuration as their cause.
 */
import * as Effect from "#effect/Effect"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import type { SessionConfig } from "./configSchema.js"

export interface Warnings {
  /** A cookie is set in the response to this request. */
  readonly cookieSet: (request: HttpServerRequest) => Effect.Effect<void>
  /** A client sent two cookies of the session's name. */
  readonly doubled: Effect.Effect<void>
  /** A handler let caches keep a response that was made from a session. */
  readonly cached: Effect.Effect<void>
  /** Somebody has signed in, sessions are to be bound, and nothing answers the browsers that would do it. */
  readonly unbindable: Effect.Effect<void>
}

const once = (message: string): Effect.Effect<void> => {
  let isTold = false
  return Effect.suspend(() => {
    if (isTold) {
      return Effect.void
    }
    isTold = true
    return Effect.logWarning(message)
  })
}

export const makeWarnings = ({ cookie }: SessionConfig): Warnings => {
  const plainHttp = once(
    "session: a browser connected over plain http and drops the session cookie, which is Secure: serve https or, on a network of your own, set cookie.secure to false (SESSION_COOKIE_SECURE=false)"
  )
  const isDropped = cookie !== false && cookie.secure && cookie.sent
  return {
    cookieSet: (request) => (isDropped && isPlainHttp(request) ? plainHttp : Effect.void),
    unbindable: once(
      "session: deviceBound is set, and no request has come through SessionHttp.deviceBound: no browser can bind its session; put it around the app"
    ),
    doubled: once(
      "session: a browser sent two cookies of the session's name, as it does after the cookie's domain or path was changed, or if another app of the site sets one: the other one is expired if possible; a __Host- name prevents this"
    ),
    cached: once(
      "session: a handler that used its session let caches show the response to anybody (Cache-Control: public, max-age or s-maxage, or a header for CDNs): that was replaced by private, no-cache; say private yourself to let browsers keep the page, or do not use the session there"
    )
  }
}

/**
 * Browsers drop a Secure cookie that comes over plain http (RFC 6265bis 5.7). The browser's own headers decide: the
 * server's connection says nothing if a proxy in between ends TLS.
 */
const isPlainHttp = ({ headers }: HttpServerRequest): boolean => {
  const { host = "", origin, referer } = headers
  return host !== "" && `${origin ?? referer ?? ""}/`.startsWith(`http://${host}/`) && !isTrusted(host)
}

/** Browsers accept Secure cookies from the machine that they run on (Secure Contexts, 3.1). */
const isTrusted = (host: string): boolean => /^(([^:]+\.)?localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i.test(host)
