/**
 * The other scopes in which a browser may still keep a cookie with the session's name, from an earlier configuration or
 * from another app. Browsers send all of them without their scopes (RFC 6265bis 5.8.3), so the scopes to expire are
 * guessed.
 */
import * as Cookies from "#effect/http/Cookies"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"

interface Scope {
  readonly domain?: string | undefined
  readonly path: string
  readonly secure: boolean
}

/** With more, the response would be larger than some proxies accept. */
const mostScopes = 12

/** The host and its parent domains of at least two labels: browsers refuse a cookie for a whole registry. */
const domainsOf = (host: string): ReadonlyArray<string> => {
  const name = host.replace(/:\d+$/, "").toLowerCase()
  if (!/^[a-z0-9.-]+\.[a-z][a-z0-9-]*$/.test(name)) {
    return []
  }
  const labels = name.split(".")
  return labels.slice(0, -1).map((_, i) => labels.slice(i).join("."))
}

/**
 * The paths that match a request for this one (RFC 6265bis 5.1.4), the shortest first. The URL may begin with the host,
 * as that of a request of the web does.
 */
const pathsOf = (url: string): ReadonlyArray<string> => {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, "").split(/[?#]/)[0] ?? ""
  const segments = path.split("/").slice(1)
  return ["/", ...segments.map((_, i) => `/${segments.slice(0, i + 1).join("/")}`)].filter(
    (path, i) => i === 0 || (path !== "/" && !path.endsWith("/") && /^[!-:<-~]*$/.test(path))
  )
}

/**
 * Makes cookies that expire those of the same name in all scopes of this request except `own`. A `__Host-` cookie has
 * no other scope.
 */
export const expireOthers = (
  name: string,
  own: Scope,
  { headers, originalUrl }: HttpServerRequest
): ReadonlyArray<Cookies.Cookie> => {
  if (/^__Host-/i.test(name)) {
    return []
  }
  const domains = [undefined, ...domainsOf(headers["host"] ?? "")]
  const scopes = pathsOf(originalUrl).flatMap((path) => domains.map((domain) => ({ domain, path })))
  return scopes
    .filter(({ domain, path }) => domain !== own.domain?.toLowerCase() || path !== own.path)
    .slice(0, mostScopes)
    .map(({ domain, path }) =>
      Cookies.makeCookieUnsafe(name, "", {
        path,
        secure: own.secure,
        maxAge: 0,
        expires: new Date(0),
        ...(domain === undefined ? {} : { domain })
      })
    )
}
