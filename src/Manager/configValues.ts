/**
 * The Schemas of single values, such as a duration, that options are made of.
 */
import { matching, parsed, satisfying } from "#dialect/schema"
import * as DateTime from "#effect/DateTime"
import * as Duration from "#effect/Duration"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Schema from "#effect/Schema"

/** A duration above 0, which may be infinite. */
export const positive = parsed(
  Duration.isDuration,
  (input: Duration.Input) => Option.filter(Duration.fromInput(input), (duration) => Duration.toMillis(duration) > 0),
  'expected a positive duration such as "30 minutes"'
)

/** A finite duration, or none, which a variable writes as `0`. */
export const pause = parsed(
  Duration.isDuration,
  (input: Duration.Input) =>
    Option.filter(
      Duration.fromInput((input as unknown) === "0" ? 0 : input),
      (duration) => Duration.isFinite(duration) && Duration.toMillis(duration) >= 0
    ),
  'expected a duration such as "1 hour", or 0'
)

/** A time, as `DateTime` or as what makes one. */
export const date = parsed(
  (u): u is DateTime.Utc => DateTime.isDateTime(u) && DateTime.isUtc(u),
  (input: DateTime.DateTime.Input) => Option.map(DateTime.make(input), DateTime.toUtc),
  "expected a date, such as 2030-01-31T12:00:00Z"
)

/** The name of a cookie or a header. */
export const token = Schema.String.pipe(
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

/** The name of a header that can carry an id. */
export const headerName = token.pipe(
  satisfying((name) =>
    reserved.test(name)
      ? "expected a header of your own, such as X-Session-Id: HTTP uses this one for itself"
      : undefined
  )
)

/** A secret, which only `Redacted.value` shows. */
export const redacted = <A>(message: string) =>
  parsed(
    (u): u is Redacted.Redacted<A> => Redacted.isRedacted(u),
    (input: Redacted.Redacted<A>) => (Redacted.isRedacted(input) ? Option.some(input) : Option.none()),
    message
  )
