/**
 * The Schema of the cookie's options, and what browsers want of them together.
 */
import { matching, satisfying, withDefault } from "#dialect/schema"
import * as Duration from "#effect/Duration"
import * as Redacted from "#effect/Redacted"
import * as Schema from "#effect/Schema"
import { positive, redacted, token } from "./configValues.js"

/** How long browsers keep a cookie (RFC 6265bis 5.5). @internal */
export const mostDays = 400

/** Whether a secret is one, and not that of a variable which is not set. */
const isText = (secret: unknown): boolean => typeof secret === "string" && secret !== ""

/** The options of the cookie. */
export const Cookie = Schema.Struct({
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
  sent: withDefault(Schema.Boolean, () => true),
  secrets: withDefault(
    Schema.Array(
      redacted<string>("expected a secret, wrapped with Redacted.make").pipe(
        satisfying((secret) => (isText(Redacted.value(secret)) ? undefined : "expected a text that is not empty"))
      )
    ),
    () => []
  ),
  valuePrefix: withDefault(
    Schema.String.pipe(matching(/^[!-~]{0,32}$/, "expected at most 32 visible ASCII characters")),
    () => "s:"
  )
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
    if (maxAge !== undefined && Duration.toDays(maxAge) > mostDays) {
      return { path: ["maxAge"], message: `browsers keep a cookie for ${mostDays} days at most` }
    }
    return undefined
  })
)
