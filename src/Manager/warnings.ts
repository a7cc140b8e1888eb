/**
 * What goes wrong in browsers without a word, told in the log once: a thousand such requests are one mistake of configuration.
 */
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import type { SessionConfig } from "./configSchema.js"

export interface Warnings {
  /** A cookie is set in the response to this request. */
  readonly cookieSet: (request: HttpServerRequest) => Effect.Effect<void>
  /** A client sent two cookies of the session's name. */
  readonly doubled: Effect.Effect<void>
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
    "session: a browser came by plain http and drops the session cookie, which is Secure: serve https or, on a network of your own, set cookie.secure to false (SESSION_COOKIE_SECURE=false)"
  )
  const isDropped = cookie !== false && cookie.secure && cookie.sent
  return {
    cookieSet: (request) => (isDropped && isPlainHttp(request) ? plainHttp : Effect.void),
    doubled: once(
      "session: a browser sent two cookies of the session's name, as it does after the cookie's domain or path was changed, or if another app of the site sets one: the other one is expired where that can be done; a __Host- name rules it out"
    )
  }
}

/**
 * Browsers drop a Secure cookie that comes by plain http (RFC 6265bis 5.7). Told by the browser's own word: what a server or a proxy sees
 * is not what the browser did if something between them ends TLS.
 */
const isPlainHttp = ({ headers }: HttpServerRequest): boolean => {
  const { host = "", origin, referer } = headers
  return host !== "" && `${origin ?? referer ?? ""}/`.startsWith(`http://${host}/`) && !isTrusted(host)
}

/** Browsers take Secure cookies from the machine that they run on (Secure Contexts, 3.1). */
const isTrusted = (host: string): boolean => /^(([^:]+\.)?localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i.test(host)
