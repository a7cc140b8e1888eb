/**
 * Keeps caches (RFC 9111) from giving a client a response that was made from the session of another.
 */
import * as Headers from "#effect/http/Headers"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import type { SessionConfig } from "./configSchema.js"

type Response = HttpServerResponse.HttpServerResponse

export interface Caches {
  /**
   * Lets only the client's own cache keep a response, and ask again each time before it shows it, unless the handler has
   * said that it is private or not to be stored. Twice gives the same response.
   */
  readonly guard: (response: Response) => Response
  /** Lets no cache keep a response, which holds a session's token (OWASP ASVS 14.3.2). */
  readonly forbid: (response: Response) => Response
  /** Whether a handler has said that caches may show a response without asking, so that `guard` overrules it. */
  readonly isOverruled: (response: Response) => boolean
}

/** Headers for caches of a kind or a maker, which overrule Cache-Control (RFC 9213; Edge Architecture 1.0). */
const targeted = [
  "cdn-cache-control",
  "surrogate-control",
  "cloudflare-cdn-cache-control",
  "netlify-cdn-cache-control",
  "vercel-cdn-cache-control"
] as const

export const makeCaches = ({ cookie, header }: SessionConfig): Caches => {
  const carriers = [...(cookie === false ? [] : ["Cookie"]), ...(header === false ? [] : [header])]
  const ownVary = carriers.join(", ")
  const vary = (before: string | undefined): string => {
    if (before === undefined) {
      return ownVary
    }
    const names = before.toLowerCase().split(/\s*,\s*/)
    return names.includes("*")
      ? before
      : [before, ...carriers.filter((name) => !names.includes(name.toLowerCase()))].join(", ")
  }
  const guarding =
    (cacheControl: (before: string | undefined) => string) =>
    (response: Response): Response => {
      const { headers } = response
      const next: Record<string, string> = { "cache-control": cacheControl(headers["cache-control"]) }
      if (ownVary !== "") {
        next["vary"] = vary(headers["vary"])
      }
      for (const name of targeted) {
        if (headers[name] !== undefined) next[name] = "no-store"
      }
      return Object.entries(next).every(([name, value]) => headers[name] === value)
        ? response
        : HttpServerResponse.setHeaders(response, Headers.fromInput(next))
    }
  // One by one, which takes a third of the time of `setHeaders`.
  const guardUsual = (response: Response): Response => {
    const own = HttpServerResponse.setHeader(response, "cache-control", ownOnly)
    return ownVary === "" ? own : HttpServerResponse.setHeader(own, "vary", ownVary)
  }
  const guardUnusual = guarding((before) => (before === undefined ? ownOnly : strict(before)))
  return {
    guard: (response) => {
      const { headers } = response
      return headers["cache-control"] === undefined && headers["vary"] === undefined && !isTargeted(headers)
        ? guardUsual(response)
        : guardUnusual(response)
    },
    forbid: guarding((before) =>
      before !== undefined && directivesOf(before).includes("no-store") ? strict(before) : "no-store"
    ),
    isOverruled: ({ headers }) => {
      const said = headers["cache-control"]
      return (
        isTargeted(headers) || (said !== undefined && strict(said) !== said && directivesOf(said).some(isPermission))
      )
    }
  }
}

const isTargeted = (headers: Headers.Headers): boolean => targeted.some((name) => headers[name] !== undefined)

const ownOnly = "private, no-cache"

/** The directives of a Cache-Control header, in small letters. */
const directivesOf = (header: string): ReadonlyArray<string> =>
  (header.toLowerCase().match(/(?:[^,"]|"[^"]*"?)+/g) ?? []).map((directive) => directive.trim())

const nameOf = (directive: string): string => directive.split("=")[0]!.trimEnd()

/** The directives that permit something, or that say what the own ones say. */
const replaced = /^(public|private|no-cache|max-age|s-maxage|immutable|stale-while-revalidate|stale-if-error)$/

const isPermission = (directive: string): boolean =>
  /^(public|s-maxage|max-age)$/.test(nameOf(directive)) && !/^max-age\s*=\s*"?0*"?$/.test(directive)

/** A Cache-Control header that keeps a response out of shared caches, as the handler's does or more strictly. */
const strict = (header: string): string => {
  const directives = directivesOf(header)
  const names = directives.map(nameOf)
  if (names.includes("no-store")) {
    // With `must-understand`, caches that know the status may keep it all the same (RFC 9111, 5.2.2.3).
    return names.includes("must-understand")
      ? directives.filter((one) => nameOf(one) !== "must-understand").join(", ")
      : header
  }
  // `private="name"` is about that header alone (RFC 9111, 5.2.2.7).
  return directives.includes("private") && !names.includes("public") && !names.includes("s-maxage")
    ? header
    : [ownOnly, ...directives.filter((directive) => !replaced.test(nameOf(directive)))].join(", ")
}
