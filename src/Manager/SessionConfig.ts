/**
 * The configuration of sessions: their lifetimes, their ids, and how an id travels. One Schema checks all options when
 * the layer is built.
 *
 * @since 3.0.0
 */
import { millisOf } from "#dialect/clock"
import { describeIssue } from "#dialect/describeIssue"
import * as DateTime from "#effect/DateTime"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as SchemaParser from "#effect/SchemaParser"
import { hint } from "../Provider/internal/options.js"
import { SessionError } from "../SessionError.js"
import { SessionConfig } from "./configSchema.js"
import type { Options, RememberOptions } from "./options.js"

export { SessionConfig } from "./configSchema.js"
export type {
  /**
   * @since 3.0.0
   * @category models
   */
  AtRestOptions,
  /**
   * @since 3.0.0
   * @category models
   */
  CompressOptions,
  /**
   * @since 3.0.0
   * @category models
   */
  CookieOptions,
  /**
   * @since 3.0.0
   * @category models
   */
  CrossOriginOptions,
  /**
   * @since 3.0.0
   * @category models
   */
  DeviceBoundOptions,
  /**
   * @since 3.0.0
   * @category models
   */
  IdOptions,
  /**
   * @since 3.0.0
   * @category models
   */
  Options,
  /**
   * @since 3.0.0
   * @category models
   */
  PrincipalOptions,
  /**
   * @since 3.0.0
   * @category models
   */
  RememberOptions
} from "./options.js"

const decode = SchemaParser.decodeUnknownEffect(SessionConfig, { errors: "all", onExcessProperty: "error" })

/**
 * Checks options like {@link make}; `nameOf` turns an option's path into its name in messages.
 *
 * @internal
 */
export const makeNamed = (
  options: Options,
  nameOf: (path: ReadonlyArray<string>) => string
): Effect.Effect<SessionConfig, SessionError> =>
  Effect.mapError(
    decode(options),
    (issue) =>
      new SessionError({
        reason: "InvalidConfig",
        message: describeIssue(issue)
          .map(({ kind, known, message, path }) =>
            kind === "unknown"
              ? `${path.join(".")}: unknown option: ${hint(path.at(-1) ?? "", known)}`
              : `${nameOf(path)}: ${message}`
          )
          .join("; ")
      })
  )

/**
 * Checks options and fills in the defaults. Fails with `InvalidConfig` if an option is wrong or unknown; the message
 * names it.
 *
 * @example
 * import { Effect } from "effect"
 * import { SessionConfig } from "effect-session"
 *
 * const config = Effect.map(SessionConfig.make({ idleTimeout: "15 minutes" }), ({ cookie, idleTimeout }) => [cookie, idleTimeout])
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<SessionConfig, SessionError> =>
  makeNamed(options, (path) => path.join("."))

/**
 * Settings that work but are probably a mistake.
 *
 * @internal
 */
export const oddities = (config: SessionConfig): Effect.Effect<ReadonlyArray<string>> =>
  Effect.clockWith((clock) =>
    Effect.succeed([...oddDate(config, millisOf(clock)), ...oddLifetimes(config), ...oddMaxAge(config)])
  )

/**
 * Warns of settings that work but are probably a mistake.
 *
 * @internal
 */
export const warn = (config: SessionConfig): Effect.Effect<void> =>
  Effect.flatMap(oddities(config), (found) =>
    Effect.forEach(found, (text) => Effect.logWarning(text), { discard: true })
  )

const oddDate = ({ validFrom }: SessionConfig, now: number): ReadonlyArray<string> =>
  validFrom !== undefined && DateTime.toEpochMillis(validFrom) > now
    ? [
        `validFrom (${DateTime.formatIso(validFrom)}) is in the future: until then every session is over with its first response`
      ]
    : []

/** `idleTimeout: "14 days"` by itself: the default of `absoluteTimeout` ends those sessions after 12 hours. */
const oddLifetimes = ({ absoluteTimeout, idleTimeout }: SessionConfig): ReadonlyArray<string> =>
  Duration.isFinite(idleTimeout) && Duration.isGreaterThan(idleTimeout, absoluteTimeout)
    ? [
        `idleTimeout (${Duration.format(idleTimeout)}) is longer than absoluteTimeout (${Duration.format(absoluteTimeout)}): every session is over after the latter, used or not`
      ]
    : []

const oddMaxAge = (config: SessionConfig): ReadonlyArray<string> => {
  const { absoluteTimeout, cookie, idleTimeout } = config
  const touchEvery = config.touchEvery ?? Duration.times(idleTimeout, 0.1)
  if (cookie === false || cookie.maxAge === undefined) {
    return []
  }
  const { maxAge } = cookie
  return [
    ...(Duration.isLessThan(maxAge, touchEvery)
      ? [
          `cookie.maxAge (${Duration.format(maxAge)}) is shorter than touchEvery (${Duration.format(touchEvery)}): the cookie is renewed more often than the session`
        ]
      : []),
    ...(Duration.isGreaterThan(maxAge, absoluteTimeout)
      ? [
          `cookie.maxAge (${Duration.format(maxAge)}) is longer than absoluteTimeout (${Duration.format(absoluteTimeout)}): browsers keep the cookie of a session that is over`
        ]
      : [])
  ]
}

/**
 * Options for plain http on a developer's machine: a cookie without `Secure`.
 *
 * @since 3.0.0
 * @category presets
 */
export const localHttp = { cookie: { secure: false } } as const satisfies Options

/**
 * The same lifetimes for all sessions: those of users who asked to be remembered differ only in that their cookies
 * outlive the browser.
 */
const lifetimes = <const Lifetimes extends Required<RememberOptions>>(lifetimes: Lifetimes) => ({
  ...lifetimes,
  remember: lifetimes
})

/**
 * Lifetimes for `low` and `high` risk applications, from the OWASP Session Management Cheat Sheet: idle 15 to 30 and 2
 * to 5 minutes, absolute 4 to 8 hours, and a renewal timeout, after which the id is changed. The Cheat Sheet has no
 * figure for the latter: it is an hour and 15 minutes here. A session whose user asked to be remembered lives no longer
 * than others, but its cookie outlives the browser.
 *
 * @since 3.0.0
 * @category presets
 */
export const owasp = {
  low: { ...lifetimes({ idleTimeout: "30 minutes", absoluteTimeout: "8 hours" }), id: { renewEvery: "1 hour" } },
  high: { ...lifetimes({ idleTimeout: "5 minutes", absoluteTimeout: "4 hours" }), id: { renewEvery: "15 minutes" } }
} as const satisfies Record<string, Options>

/**
 * The longest lifetimes that each authenticator assurance level allows (NIST SP 800-63B-4, 2.1.3, 2.2.3 and 2.3.3). A
 * session whose user asked to be remembered lives no longer than others, but its cookie outlives the browser.
 *
 * @since 3.0.0
 * @category presets
 */
export const nist = {
  aal1: lifetimes({ idleTimeout: "30 days", absoluteTimeout: "30 days" }),
  aal2: lifetimes({ idleTimeout: "1 hour", absoluteTimeout: "24 hours" }),
  aal3: lifetimes({ idleTimeout: "15 minutes", absoluteTimeout: "12 hours" })
} as const satisfies Record<string, Options>
