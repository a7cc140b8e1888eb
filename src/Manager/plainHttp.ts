/**
 * Browsers drop a Secure cookie that comes by plain http (RFC 6265bis 5.7), without a word: to the user it is as if signing in did nothing.
 */
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import type { Manager } from "./SessionManager.js"

const warned = new WeakSet<Manager>()

/** Logs a warning, once, where the cookie of a response to this request is going to be dropped. */
export const warnOfPlainHttp = (manager: Manager, request: HttpServerRequest): Effect.Effect<void> => {
  const { cookie } = manager.config
  if (cookie === false || !cookie.secure || !cookie.sent || warned.has(manager) || !isPlainHttp(request)) {
    return Effect.void
  }
  warned.add(manager)
  return Effect.logWarning(
    "session: a browser came by plain http and drops the session cookie, which is Secure: serve https, or, on a network of your own, set cookie.secure to false (SESSION_COOKIE_SECURE=false)"
  )
}

/** By the browser's own word: what a server or a proxy sees is not what the browser did, where something between them ends TLS. */
const isPlainHttp = ({ headers }: HttpServerRequest): boolean => {
  const { host = "", origin, referer } = headers
  return host !== "" && `${origin ?? referer ?? ""}/`.startsWith(`http://${host}/`) && !isTrusted(host)
}

/** Browsers take Secure cookies from the machine that they run on (Secure Contexts, 3.1). */
const isTrusted = (host: string): boolean => /^(([^:]+\.)?localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i.test(host)
