/**
 * The Schema of all options: the values that each may have, and its default. `options.ts` says what they mean, and
 * `layers/writings.ts` how environment variables write them.
 */
import { aboveZero, between, matching, parsed, satisfying, withDefault } from "#dialect/schema"
import * as Duration from "#effect/Duration"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Schema from "#effect/Schema"
import { date, headerName, pause, positive, redacted, token } from "./configValues.js"
import { Cookie, mostDays } from "./cookieSchema.js"
import type { Options } from "./options.js"

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
  hashed: withDefault(Schema.Literals([true, false, "migrating"]), () => true as const),
  renewEvery: Schema.optional(positive),
  grace: withDefault(positive, () => Duration.seconds(30)),
  watchReuse: withDefault(pause, () => Duration.hours(1)),
  endOnReuse: withDefault(Schema.Boolean, () => false)
}).pipe(
  satisfying((id) => {
    // An id that is looked up as the client sent it must not be a hash that someone saw in the backend.
    if (id.hashed === "migrating" && idLength(id) === hashLength) {
      return {
        path: ["hashed"],
        message: "migrating needs ids that cannot be taken for hashes, which have 43 characters: these have 43 as well"
      }
    }
    if (id.renewEvery !== undefined && Duration.isGreaterThanOrEqualTo(id.grace, id.renewEvery)) {
      return { path: ["grace"], message: "expected less than renewEvery; the default is 30 seconds" }
    }
    if (id.endOnReuse && Duration.toMillis(id.watchReuse) === 0) {
      return { path: ["endOnReuse"], message: "needs a watchReuse above 0: otherwise no reuse is noticed" }
    }
    return undefined
  })
)

/** The number of characters of a SHA-256 in base64url. @internal */
export const hashLength = 43

const Remember = Schema.Struct({
  idleTimeout: withDefault(positive, () => Duration.days(14)),
  absoluteTimeout: withDefault(positive, () => Duration.days(30))
}).pipe(
  satisfying(({ absoluteTimeout, idleTimeout }) => {
    if (Duration.toDays(absoluteTimeout) > mostDays) {
      return { path: ["absoluteTimeout"], message: `expected at most ${mostDays} days: browsers keep no cookie longer` }
    }
    if (Duration.isGreaterThan(idleTimeout, absoluteTimeout)) {
      return { path: ["idleTimeout"], message: "expected at most remember.absoluteTimeout; the default is 14 days" }
    }
    return undefined
  })
)

/** A bound for an account whose client signs in with every request, rather than a policy. @internal */
export const mostSessions = 1_000

const Principals = Schema.Struct({
  max: withDefault(Schema.Int.pipe(between(1, 10_000, "expected a whole number from 1 to 10,000")), () => mostSessions),
  whenExceeded: withDefault(Schema.Literals(["end-oldest", "refuse"]), () => "end-oldest" as const),
  bestEffort: withDefault(Schema.Boolean, () => false)
})

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text

const CrossOrigin = Schema.Struct({
  trusted: withDefault(
    Schema.Array(
      Schema.String.pipe(
        satisfying((text) =>
          isOrigin(text)
            ? undefined
            : "expected an origin: scheme, host and port alone, such as https://app.example.com"
        )
      )
    ),
    () => []
  )
})

const AtRest = Schema.Struct({
  keys: Schema.Union([
    Schema.Literal("id"),
    Schema.Array(redacted<string | Uint8Array>("expected a key, wrapped with Redacted.make"))
  ]),
  migrating: withDefault(Schema.Literals([true, false, "unseal"]), () => false as const)
})

const Compress = Schema.Struct({ over: Schema.Int.pipe(aboveZero) })

const DeviceBound = Schema.Struct({
  every: withDefault(
    positive.pipe(
      satisfying((every) => (Duration.isFinite(every) ? undefined : 'expected a finite duration such as "10 minutes"'))
    ),
    () => Duration.minutes(10)
  ),
  path: withDefault(
    Schema.String.pipe(
      matching(
        /^(\/[\w.~!$&'()*+,=:@%-]+)+$/,
        "expected a path of a name or more, such as /session, that does not end with /"
      )
    ),
    () => "/.well-known/session"
  ),
  required: withDefault(Schema.Boolean, () => false),
  skippedFor: Schema.optional(pause)
})

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
  validFrom: Schema.optional(date),
  remember: withDefault(Remember, () => Schema.decodeSync(Remember)({})),
  principals: withDefault(Principals, () => Schema.decodeSync(Principals)({})),
  clearSiteData: withDefault(
    Schema.Array(Schema.Literals(["cache", "cookies", "storage", "executionContexts"])),
    () => []
  ),
  crossOrigin: withDefault(Schema.Union([Schema.Literal("allow"), CrossOrigin]), () => ({ trusted: [] })),
  app: withDefault(
    Schema.String.pipe(matching(/^[!-~]{0,64}$/, "expected up to 64 visible ASCII characters, without spaces")),
    () => ""
  ),
  atRest: Schema.optional(Schema.Union([Schema.Literal("id"), AtRest])),
  compress: Schema.optional(Compress),
  deviceBound: Schema.optional(DeviceBound),
  signals: withDefault(Schema.Array(Schema.Literals(["address", "agent"])), () => []),
  signalSalt: Schema.optional(
    redacted<string>("expected a text, wrapped with Redacted.make").pipe(
      satisfying((salt) =>
        Buffer.byteLength(Redacted.value(salt)) < 16
          ? "expected at least 16 random bytes, as text; make it with: openssl rand -base64 32"
          : undefined
      )
    )
  ),
  admit: Schema.optional(
    parsed(
      (u): u is NonNullable<Options["admit"]> => typeof u === "function",
      (input: NonNullable<Options["admit"]>) => Option.filter(Option.some(input), (u) => typeof u === "function"),
      "expected a function from a request to an Effect of a boolean"
    )
  ),
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
