/**
 * The Schema of all options: the values that each may have, its default, and how an environment variable writes it.
 * `options.ts` says what they mean.
 */
import { aboveZero, between, matching, parsed, satisfying, withDefault } from "#dialect/schema"
import * as Duration from "#effect/Duration"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import type { CookieOptions, IdOptions, Options } from "./options.js"

const positive = parsed(
  Duration.isDuration,
  (input: Duration.Input) => Option.filter(Duration.fromInput(input), (duration) => Duration.toMillis(duration) > 0),
  'expected a positive duration such as "30 minutes"'
)

const token = Schema.String.pipe(
  matching(
    /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/,
    "expected a name of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 token)"
  )
)

/**
 * The headers that HTTP itself, browsers and proxies use: an id in one of them would break responses, or never arrive.
 */
const reserved =
  /^(?:access-control-|sec-|proxy-|accept-|content-|if-|(?:accept|age|allow|alt-svc|cache-control|connection|cookie2?|date|dnt|etag|expect|expires|forwarded|host|keep-alive|last-modified|location|origin|pragma|range|referer|server|set-cookie2?|te|trailer|transfer-encoding|upgrade|user-agent|vary|via|www-authenticate)$)/i

const headerName = token.pipe(
  satisfying((name) =>
    reserved.test(name)
      ? "expected a header of your own, such as X-Session-Id: HTTP uses this one for itself"
      : undefined
  )
)

const Cookie = Schema.Struct({
  name: Schema.optional(token),
  domain: Schema.optional(
    Schema.String.pipe(
      matching(
        /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/,
        "expected a host name, without scheme, port or leading dot"
      ),
      // Browsers drop a cookie for all of `com`, without a word (RFC 6265bis 5.7).
      matching(/\.|^localhost$/i, "expected a domain of two names or more, such as example.org")
    )
  ),
  path: withDefault(
    Schema.String.pipe(matching(/^\/[!-:<-~]*$/, "expected a path that starts with /, without spaces or ;")),
    () => "/"
  ),
  secure: withDefault(Schema.Boolean, () => true),
  httpOnly: withDefault(Schema.Boolean, () => true),
  sameSite: withDefault(Schema.Literals(["strict", "lax", "none"]), () => "lax" as const),
  partitioned: withDefault(Schema.Boolean, () => false),
  maxAge: Schema.optional(positive),
  sent: withDefault(Schema.Boolean, () => true)
}).pipe(
  satisfying(({ domain, maxAge, name = "", partitioned, path, sameSite, secure }) => {
    const prefix = /^__(host|secure)-/i.exec(name)?.[1]?.toLowerCase()
    // Browsers silently drop a cookie that breaks these rules (RFC 6265bis, 4.1.3 and 5.7).
    if (prefix !== undefined && !secure) {
      return {
        path: ["name"],
        message: "a __Host- or __Secure- name needs secure: true; leave the name out for plain http"
      }
    }
    if (prefix === "host" && (domain !== undefined || path !== "/")) {
      return { path: ["name"], message: "a __Host- name allows no domain, and no path but /" }
    }
    if (sameSite === "none" && !secure) {
      return { path: ["sameSite"], message: "none needs secure: true" }
    }
    if (partitioned && !secure) {
      return { path: ["partitioned"], message: "needs secure: true" }
    }
    if (maxAge !== undefined && Duration.toDays(maxAge) > 400) {
      return { path: ["maxAge"], message: "browsers keep a cookie for 400 days at most" }
    }
    return undefined
  })
)

/** The number of characters in an id. @internal */
export const idLength = (id: {
  readonly bytes: number
  readonly encoding: "base64url" | "hex"
  readonly prefix: string
}): number => id.prefix.length + (id.encoding === "hex" ? id.bytes * 2 : Math.ceil((id.bytes * 4) / 3))

const Id = Schema.Struct({
  bytes: withDefault(Schema.Int.pipe(between(16, 96, "expected a whole number from 16 to 96")), () => 32),
  prefix: withDefault(
    Schema.String.pipe(matching(/^[A-Za-z0-9_-]{0,32}$/, "expected at most 32 letters, digits, _ or -")),
    () => ""
  ),
  encoding: withDefault(Schema.Literals(["base64url", "hex"]), () => "base64url" as const),
  hashed: withDefault(Schema.Literals([true, false, "migrating"]), () => true as const)
}).pipe(
  // An id that is looked up as the client sent it must not be a hash that someone saw in the backend.
  satisfying((id) =>
    id.hashed === "migrating" && idLength(id) === hashLength
      ? {
          path: ["hashed"],
          message:
            "migrating needs ids that cannot be taken for hashes, which have 43 characters: these have 43 as well"
        }
      : undefined
  )
)

/** The number of characters of a SHA-256 in base64url. */
const hashLength = 43

/**
 * The Schema of all options. Durations are Effect's: `"30 minutes"`, `Duration.hours(12)`, milliseconds.
 *
 * @since 3.0.0
 * @category schemas
 */
export const SessionConfig = Schema.Struct({
  idleTimeout: withDefault(positive, () => Duration.minutes(30)),
  absoluteTimeout: withDefault(positive, () => Duration.hours(12)),
  touchEvery: Schema.optional(positive),
  gcInterval: withDefault(positive, () => Duration.minutes(1)),
  timeout: withDefault(positive, () => Duration.seconds(5)),
  maxBytes: withDefault(Schema.Int.pipe(aboveZero), () => 64 * 1024),
  keepOnServerError: withDefault(Schema.Boolean, () => false),
  whenNotSaved: withDefault(Schema.Literals(["503", "response"]), () => "503" as const),
  id: withDefault(Id, () => Schema.decodeSync(Id)({})),
  cookie: withDefault(Schema.Union([Schema.Literal(false), Cookie]), () => Schema.decodeSync(Cookie)({})),
  header: withDefault(Schema.Union([Schema.Literal(false), headerName]), () => false as const),
  query: withDefault(Schema.Union([Schema.Literal(false), token]), () => false as const)
}).pipe(
  satisfying((config) => {
    if (!Duration.isFinite(config.idleTimeout) && !Duration.isFinite(config.absoluteTimeout)) {
      return { path: ["idleTimeout"], message: "one of idleTimeout and absoluteTimeout must be finite" }
    }
    if (config.touchEvery !== undefined && Duration.isGreaterThanOrEqualTo(config.touchEvery, config.idleTimeout)) {
      return { path: ["touchEvery"], message: "expected less than idleTimeout" }
    }
    if (config.cookie === false && config.header === false && config.query === false) {
      return { path: ["cookie"], message: "one of cookie, header and query must carry the id" }
    }
    return undefined
  })
)

/**
 * The options with all defaults filled in.
 *
 * @since 3.0.0
 * @category models
 */
export type SessionConfig = typeof SessionConfig.Type

/** How an environment variable writes an option. */
export type Writing = "text" | "whole" | "flag" | "flag or text"

type Writings<O> = {
  readonly [Name in keyof O]-?: Name extends "cookie"
    ? Writings<CookieOptions>
    : Name extends "id"
      ? Writings<IdOptions>
      : Writing
}

/**
 * How environment variables write the options; the compiler checks that none is left out. Durations and choices stay
 * text: the Schema reads them, and its errors name the accepted values.
 */
export const writings: Writings<Options> = {
  idleTimeout: "text",
  absoluteTimeout: "text",
  touchEvery: "text",
  gcInterval: "text",
  timeout: "text",
  maxBytes: "whole",
  keepOnServerError: "flag",
  whenNotSaved: "text",
  header: "text",
  query: "text",
  id: { bytes: "whole", prefix: "text", encoding: "text", hashed: "flag or text" },
  cookie: {
    name: "text",
    domain: "text",
    path: "text",
    secure: "flag",
    httpOnly: "flag",
    sameSite: "text",
    partitioned: "flag",
    maxAge: "text",
    sent: "flag"
  }
}
