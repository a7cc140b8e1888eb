/**
 * Turns beego's `ManagerConfig`, the JSON that beego v2.3.5 reads (server/web/session/session_config.go), into options
 * of this library. Any setting that beego ignores without a message, or panics on, is an error that names the field.
 */
import { between, satisfying, withDefault } from "#dialect/schema"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Schema from "#effect/Schema"
import { makeNamed, type Options } from "../Manager/SessionConfig.js"
import { SessionError } from "../SessionError.js"
import { goJson } from "./goJson.js"

const seconds = Schema.Int.pipe(between(-(2 ** 53), 2 ** 53))
const flag = withDefault(Schema.Boolean, () => false)
const text = withDefault(Schema.String, () => "")
const number = (schema: Schema.Codec<number>) => withDefault(schema, () => 0)

/** Go's `textproto.CanonicalMIMEHeaderKey`, which does not change text that cannot be a header's name. */
const canonical = (name: string): string =>
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)
    ? name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
    : name

const wrong = (field: string, message: string) => ({ path: [field], message })

/** The defaults are Go's zero values. */
const ManagerConfig = Schema.Struct({
  enableSetCookie: flag,
  disableHTTPOnly: flag,
  secure: flag,
  EnableSidInHTTPHeader: flag,
  SessionNameInHTTPHeader: text,
  EnableSidInURLQuery: flag,
  cookieName: text,
  gclifetime: number(seconds),
  maxLifetime: number(seconds),
  cookieLifeTime: number(seconds),
  providerConfig: text,
  domain: text,
  sessionIDLength: number(Schema.Int),
  sessionIDPrefix: text,
  cookieSameSite: number(Schema.Int)
}).pipe(
  satisfying((config) => {
    const header = config.SessionNameInHTTPHeader
    if (config.cookieName === "") {
      return wrong("cookieName", "is missing: beego has no default for it here; its web framework's is beegosessionID")
    }
    if (config.EnableSidInHTTPHeader && header === "") {
      return wrong("SessionNameInHTTPHeader", "is missing, and EnableSidInHTTPHeader is true: beego panics")
    }
    if (config.EnableSidInHTTPHeader && header !== canonical(header)) {
      return wrong("SessionNameInHTTPHeader", `beego panics on this spelling: write ${canonical(header)}`)
    }
    if (!config.enableSetCookie && !config.EnableSidInHTTPHeader) {
      return wrong("enableSetCookie", "is false, as it is by default: no client would learn its session id")
    }
    if (config.gclifetime <= 0) {
      return wrong("gclifetime", "expected a positive number of seconds: beego would collect garbage all the time")
    }
    if (config.maxLifetime < 0) {
      return wrong("maxLifetime", "expected a positive number of seconds, or 0 for that of gclifetime")
    }
    if (config.sessionIDLength !== 0 && config.sessionIDLength < 16) {
      return wrong(
        "sessionIDLength",
        "expected 16 random bytes or more (128 bits), or 0 for 16: shorter ids can be guessed"
      )
    }
    if (config.cookieSameSite < 0 || config.cookieSameSite > 4) {
      return wrong("cookieSameSite", "expected 0 or 1 (default), 2 (Lax), 3 (Strict) or 4 (None)")
    }
    if (config.cookieSameSite === 4 && !config.secure) {
      return wrong("cookieSameSite", "4 (None) needs secure: true: browsers drop such a cookie")
    }
    return undefined
  })
)

const decode = goJson(
  ManagerConfig,
  "beego's session config: expected a JSON object in the form of session.ManagerConfig",
  (message) => message
)

/** beego's names for the options that {@link makeNamed} checks. */
const fieldOf: Readonly<Record<string, string>> = {
  "id.bytes": "sessionIDLength",
  "id.prefix": "sessionIDPrefix",
  "cookie.name": "cookieName",
  "cookie.domain": "domain",
  "cookie.maxAge": "cookieLifeTime",
  header: "SessionNameInHTTPHeader",
  query: "cookieName"
}

const check = (options: Options) =>
  makeNamed(options, (path) => {
    const name = path.join(".")
    return fieldOf[name] ?? name
  })

const invalid = (message: string) => Effect.fail(new SessionError({ reason: "InvalidConfig", message }))

/** What beego gives to a provider. @internal */
export interface Given {
  readonly cookieName: string
  readonly providerConfig: string
  /** How long a session lives after its last use. */
  readonly maxLifetime: Duration.Duration
}

/** @internal */
export interface Decoded extends Given {
  readonly options: Options
}

const toDecoded = (given: typeof ManagerConfig.Type): Decoded => {
  const maxLifetime = Duration.seconds(given.maxLifetime === 0 ? given.gclifetime : given.maxLifetime)
  return {
    cookieName: given.cookieName,
    providerConfig: given.providerConfig,
    maxLifetime,
    options: {
      ...defaults,
      idleTimeout: maxLifetime,
      gcInterval: Duration.seconds(given.gclifetime),
      id: {
        ...defaults.id,
        ...(given.sessionIDLength === 0 ? {} : { bytes: given.sessionIDLength }),
        prefix: given.sessionIDPrefix
      },
      cookie: {
        name: given.cookieName,
        sent: given.enableSetCookie,
        secure: given.secure,
        httpOnly: !given.disableHTTPOnly,
        sameSite: (["lax", "lax", "lax", "strict", "none"] as const)[given.cookieSameSite]!,
        ...(given.domain === "" ? {} : { domain: given.domain.replace(/^\./, "") }),
        ...(given.cookieLifeTime > 0 ? { maxAge: Duration.seconds(given.cookieLifeTime) } : {})
      },
      header: given.EnableSidInHTTPHeader && given.SessionNameInHTTPHeader,
      query: given.EnableSidInURLQuery && given.cookieName
    }
  }
}

/** @internal */
export const decodeBeego = (config: string | object): Effect.Effect<Decoded, SessionError> =>
  Effect.fromResult(decode(config)).pipe(
    Effect.catch(invalid),
    Effect.map(toDecoded),
    Effect.tap(({ options }) => check(options))
  )

/**
 * The options that match a beego app with default settings: ids of 16 random bytes in hexadecimal, which the backend
 * stores unhashed; one hour between requests, and no absolute end; the cookie of beego's web framework. `Secure` and
 * `SameSite=Lax` are this library's own defaults.
 *
 * @since 3.0.0
 * @category presets
 */
export const defaults = {
  idleTimeout: "1 hour",
  absoluteTimeout: Number.POSITIVE_INFINITY,
  id: { bytes: 16, encoding: "hex", hashed: false },
  cookie: { name: "beegosessionID" }
} as const satisfies Options

/**
 * Turns beego's own JSON, the text of its `sessionConfig` or the object, into options. Fails with `InvalidConfig`,
 * which names the field, even if beego ignores it or panics on it. Pass `providerConfig` to `Beego.layer`, which takes
 * the whole JSON.
 *
 * @example
 * import { Effect } from "effect"
 * import { SessionConfig } from "effect-session"
 * import * as Beego from "effect-session/beego"
 *
 * const program = Effect.gen(function* () {
 *   const options = yield* Beego.options(`{"cookieName":"gosessionid","enableSetCookie":true,"gclifetime":3600}`)
 *   return yield* SessionConfig.make(options)
 * })
 *
 * @since 3.0.0
 * @category constructors
 */
export const options = (config: string | object): Effect.Effect<Options, SessionError> =>
  Effect.map(decodeBeego(config), ({ options }) => options)
