/**
 * How sessions behave: lifetimes, ids, and how an id travels. One Schema for all options, checked when the layer is built.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { SessionError } from "../SessionError.js"

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

const Cookie = Schema.Struct({
  /** Default `__Host-id`; where `secure` is false or a `domain` or `path` is set, which that prefix forbids, plain `id`. */
  name: Schema.optional(token),
  /** The Domain attribute. Default none: the cookie goes to this host alone. */
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
  /** The Path attribute. Default `/`. */
  path: Schema.optionalWith(
    Schema.String.pipe(
      Schema.pattern(/^\/[!-:<-~]*$/, { message: () => "expected a path that starts with /, without spaces or ;" })
    ),
    { default: () => "/" }
  ),
  /** The Secure attribute. Default true; false only for plain http on a developer's machine. */
  secure: Schema.optionalWith(Schema.Boolean, { default: () => true }),
  /** The HttpOnly attribute: scripts cannot read the cookie. Default true. */
  httpOnly: Schema.optionalWith(Schema.Boolean, { default: () => true }),
  /** The SameSite attribute. Default `lax`. */
  sameSite: Schema.optionalWith(Schema.Literal("strict", "lax", "none"), { default: () => "lax" as const }),
  /** The Partitioned attribute (CHIPS). Default false. */
  partitioned: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  /** How long the browser keeps the cookie. Default: until the browser is closed. */
  maxAge: Schema.optional(positive),
  /** Whether it is sent to clients. Default true; false where another app does that, and this one only reads it. */
  sent: Schema.optionalWith(Schema.Boolean, { default: () => true })
}).pipe(
  Schema.filter(({ domain, maxAge, name = "", partitioned, path, sameSite, secure }) => {
    const prefix = /^__(host|secure)-/i.exec(name)?.[1]?.toLowerCase()
    // RFC 6265bis, 4.1.3 and 5.7: browsers drop a cookie that breaks these, without a word.
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

/** How many characters an id has. @internal */
export const idLength = (id: {
  readonly bytes: number
  readonly encoding: "base64url" | "hex"
  readonly prefix: string
}): number => id.prefix.length + (id.encoding === "hex" ? id.bytes * 2 : Math.ceil((id.bytes * 4) / 3))

const Id = Schema.Struct({
  /** Random bytes in an id. Default 32; at least 16 (OWASP ASVS 7.2.3 asks for 128 bits). */
  bytes: Schema.optionalWith(
    Schema.Int.pipe(Schema.between(16, 96, { message: () => "expected a whole number from 16 to 96" })),
    { default: () => 32 }
  ),
  /** What each id starts with. Default nothing. */
  prefix: Schema.optionalWith(
    Schema.String.pipe(
      Schema.pattern(/^[A-Za-z0-9_-]{0,32}$/, { message: () => "expected up to 32 of letters, digits, _ and -" })
    ),
    { default: () => "" }
  ),
  encoding: Schema.optionalWith(Schema.Literal("base64url", "hex"), { default: () => "base64url" as const }),
  /**
   * Whether backends see the SHA-256 of an id instead of the id. Default true. `migrating` is for sessions that were stored with
   * `false`: each is found by its id and kept by its hash from then on, and nobody is logged out.
   */
  hashed: Schema.optionalWith(
    Schema.Union(Schema.Boolean, Schema.Literal("migrating")).annotations({
      message: () => ({ message: "expected true, false or migrating", override: true })
    }),
    { default: () => true as const }
  )
}).pipe(
  // An id that is looked up as it came must not be a hash that somebody saw in the backend.
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

/** Of a SHA-256 in base64url. */
const hashLength = 43

/**
 * All options. Durations are Effect's: `"30 minutes"`, `Duration.hours(12)`, milliseconds.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SessionConfig = Schema.Struct({
  /** How long a session lives without a request that uses it. Default 30 minutes. */
  idleTimeout: Schema.optionalWith(positive, { default: () => Duration.minutes(30) }),
  /** How long a session lives at all, counted from its start or its last `regenerate`. Default 12 hours. */
  absoluteTimeout: Schema.optionalWith(positive, { default: () => Duration.hours(12) }),
  /** How much of the idle lifetime passes, at least, before a request that only reads renews it. Default a tenth of it. */
  touchEvery: Schema.optional(positive),
  /** The pause between two garbage collections, where the backend needs them. Default 1 minute. */
  gcInterval: Schema.optionalWith(positive, { default: () => Duration.minutes(1) }),
  /** How long a backend call, or the save at a request's end, may take. Default 5 seconds. */
  timeout: Schema.optionalWith(positive, { default: () => Duration.seconds(5) }),
  /** The most bytes that a session may take when it is stored. Default 64 KiB. */
  maxBytes: Schema.optionalWith(Schema.Int.pipe(Schema.positive()), { default: () => 64 * 1024 }),
  /** Whether changes are kept although the response is a 5xx. Default false: a failed handler leaves the session as it was. */
  keepOnServerError: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  /**
   * What the client gets where the backend could not save: a `503` in place of the response (default), or the `response` as if
   * nothing had happened.
   */
  whenNotSaved: Schema.optionalWith(Schema.Literal("503", "response"), { default: () => "503" as const }),
  id: Schema.optionalWith(Id, { default: () => Schema.decodeSync(Id)({}) }),
  /** How the cookie is sent; `false` for none. */
  cookie: Schema.optionalWith(Schema.Union(Schema.Literal(false), Cookie), {
    default: () => Schema.decodeSync(Cookie)({})
  }),
  /** The name of a header that carries the id in both directions, for clients without cookies; `false` (default) for none. */
  header: Schema.optionalWith(Schema.Union(Schema.Literal(false), token), { default: () => false as const }),
  /**
   * The name of a query parameter that may carry the id; `false` (default) for none. An id in a URL ends up in logs, histories
   * and Referer headers (OWASP ASVS 14.2.1 forbids it); it is here because beego has it.
   */
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

/**
 * What a user writes.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = typeof SessionConfig.Encoded

/**
 * Checks options and fills in the defaults. Fails with `InvalidConfig`, which names the option; `nameOf` makes that name from the
 * option's path.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options,
  nameOf: (path: ReadonlyArray<string>) => string = (path) => path.join(".")
): Effect.Effect<SessionConfig, SessionError> =>
  Effect.mapError(
    ParseResult.decodeUnknown(SessionConfig, { errors: "all" })(options),
    (issue) =>
      new SessionError({
        reason: "InvalidConfig",
        message: ParseResult.ArrayFormatter.formatIssueSync(issue)
          // All may be left out, and some turned off, which is nothing to tell of what is there.
          .filter(({ message }) => !/^Expected (undefined|false), /.test(message))
          .map(({ message, path }) => `${nameOf(path.map(String))}: ${message}`)
          .join("; ")
      })
  )

/**
 * For plain http on a developer's machine: a cookie without `Secure`.
 *
 * @since 0.1.0
 * @category presets
 */
export const localHttp = { cookie: { secure: false } } as const satisfies Options

/**
 * OWASP Session Management Cheat Sheet: `low` and `high` risk applications (idle 15 to 30 and 2 to 5 minutes, absolute 4 to 8
 * hours).
 *
 * @since 0.1.0
 * @category presets
 */
export const owasp = {
  low: { idleTimeout: "30 minutes", absoluteTimeout: "8 hours" },
  high: { idleTimeout: "5 minutes", absoluteTimeout: "4 hours" }
} as const satisfies Record<string, Options>

/**
 * NIST SP 800-63B-4, 2.1.3, 2.2.3 and 2.3.3: the longest lifetimes that each authenticator assurance level allows.
 *
 * @since 0.1.0
 * @category presets
 */
export const nist = {
  aal1: { idleTimeout: "30 days", absoluteTimeout: "30 days" },
  aal2: { idleTimeout: "1 hour", absoluteTimeout: "24 hours" },
  aal3: { idleTimeout: "15 minutes", absoluteTimeout: "12 hours" }
} as const satisfies Record<string, Options>
