/**
 * The Schema of all options: the values that each may have, its default, and how an environment variable writes it.
 * `options.ts` says what they mean.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { CookieOptions, IdOptions, Options } from "./options.js"

const positive = Schema.transformOrFail(
  Schema.Unknown as Schema.Schema<Duration.DurationInput>,
  Schema.DurationFromSelf,
  {
    strict: true,
    decode: (input, _, ast) =>
      Duration.decodeUnknown(input).pipe(
        Option.filter((duration) => Duration.toMillis(duration) > 0),
        Option.match({
          onNone: () =>
            ParseResult.fail(new ParseResult.Type(ast, input, 'expected a positive duration such as "30 minutes"')),
          onSome: ParseResult.succeed
        })
      ),
    encode: ParseResult.succeed
  }
)

const token = Schema.String.pipe(
  Schema.pattern(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/, {
    message: () => "expected a name of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 token)"
  })
)

/**
 * The headers that HTTP itself, browsers and proxies use: an id in one of them would break responses, or never arrive.
 */
const reserved =
  /^(?:access-control-|sec-|proxy-|accept-|content-|if-|(?:accept|age|allow|alt-svc|cache-control|connection|cookie2?|date|dnt|etag|expect|expires|forwarded|host|keep-alive|last-modified|location|origin|pragma|range|referer|server|set-cookie2?|te|trailer|transfer-encoding|upgrade|user-agent|vary|via|www-authenticate)$)/i

const headerName = token.pipe(
  Schema.filter((name) =>
    reserved.test(name)
      ? "expected a header of your own, such as X-Session-Id: HTTP uses this one for itself"
      : undefined
  )
)

const Cookie = Schema.Struct({
  name: Schema.optional(token),
  domain: Schema.optional(
    Schema.String.pipe(
      Schema.pattern(
        /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/,
        {
          message: () => "expected a host name, without scheme, port or leading dot"
        }
      )
    )
  ),
  path: Schema.optionalWith(
    Schema.String.pipe(
      Schema.pattern(/^\/[!-:<-~]*$/, { message: () => "expected a path that starts with /, without spaces or ;" })
    ),
    { default: () => "/" }
  ),
  secure: Schema.optionalWith(Schema.Boolean, { default: () => true }),
  httpOnly: Schema.optionalWith(Schema.Boolean, { default: () => true }),
  sameSite: Schema.optionalWith(Schema.Literal("strict", "lax", "none"), { default: () => "lax" as const }),
  partitioned: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  maxAge: Schema.optional(positive),
  sent: Schema.optionalWith(Schema.Boolean, { default: () => true })
}).pipe(
  Schema.filter(({ domain, maxAge, name = "", partitioned, path, sameSite, secure }) => {
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
  bytes: Schema.optionalWith(
    Schema.Int.pipe(Schema.between(16, 96, { message: () => "expected a whole number from 16 to 96" })),
    { default: () => 32 }
  ),
  prefix: Schema.optionalWith(
    Schema.String.pipe(
      Schema.pattern(/^[A-Za-z0-9_-]{0,32}$/, { message: () => "expected at most 32 letters, digits, _ or -" })
    ),
    { default: () => "" }
  ),
  encoding: Schema.optionalWith(Schema.Literal("base64url", "hex"), { default: () => "base64url" as const }),
  hashed: Schema.optionalWith(Schema.Literal(true, false, "migrating"), { default: () => true as const })
}).pipe(
  // An id that is looked up as the client sent it must not be a hash that someone saw in the backend.
  Schema.filter((id) =>
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
 * @since 0.1.0
 * @category schemas
 */
export const SessionConfig = Schema.Struct({
  idleTimeout: Schema.optionalWith(positive, { default: () => Duration.minutes(30) }),
  absoluteTimeout: Schema.optionalWith(positive, { default: () => Duration.hours(12) }),
  touchEvery: Schema.optional(positive),
  gcInterval: Schema.optionalWith(positive, { default: () => Duration.minutes(1) }),
  timeout: Schema.optionalWith(positive, { default: () => Duration.seconds(5) }),
  maxBytes: Schema.optionalWith(Schema.Int.pipe(Schema.positive()), { default: () => 64 * 1024 }),
  keepOnServerError: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  whenNotSaved: Schema.optionalWith(Schema.Literal("503", "response"), { default: () => "503" as const }),
  id: Schema.optionalWith(Id, { default: () => Schema.decodeSync(Id)({}) }),
  cookie: Schema.optionalWith(Schema.Union(Schema.Literal(false), Cookie), {
    default: () => Schema.decodeSync(Cookie)({})
  }),
  header: Schema.optionalWith(Schema.Union(Schema.Literal(false), headerName), { default: () => false as const }),
  query: Schema.optionalWith(Schema.Union(Schema.Literal(false), token), { default: () => false as const })
}).pipe(
  Schema.filter((config) => {
    if (!Duration.isFinite(config.idleTimeout) && !Duration.isFinite(config.absoluteTimeout)) {
      return { path: ["idleTimeout"], message: "one of idleTimeout and absoluteTimeout must be finite" }
    }
    if (config.touchEvery !== undefined && Duration.greaterThanOrEqualTo(config.touchEvery, config.idleTimeout)) {
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
 * @since 0.1.0
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
