/**
 * The options of a store.
 */
import * as Duration from "#effect/Duration"
import * as Option from "#effect/Option"
import { hint } from "../../Provider/internal/options.js"
import { SessionError } from "../../SessionError.js"

/**
 * The options of a store.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /** How long a session lives whose cookie ends with the browser (`maxAge` is not set). Default 1 day. */
  readonly ttl?: Duration.Input | undefined
  /**
   * Whether the backend sees the SHA-256 of an id in place of the id, as with this library's own sessions, so that a stolen
   * dump holds no usable id. Default true; false is for the layouts of other stores, such as that of connect-redis.
   */
  readonly hashed?: boolean | undefined
  /** How long a call may take before it fails with `Unavailable`. Default 5 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** How often expired sessions are removed from a backend that does not do it by itself. Default 1 minute. */
  readonly gcInterval?: Duration.Input | undefined
}

/** The options with their defaults. */
export interface Settings {
  readonly ttl: Duration.Duration
  readonly hashed: boolean
  readonly timeout: Duration.Duration
  readonly gcInterval: Duration.Duration
}

const defaults: Settings = {
  ttl: Duration.days(1),
  hashed: true,
  timeout: Duration.seconds(5),
  gcInterval: Duration.minutes(1)
}

const wrong = (message: string) => new SessionError({ reason: "InvalidConfig", message })

/** Throws the error of an option that is wrong: it is one of the app's code. */
export const settingsOf = (options: Options): Settings => {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(defaults, name)) {
      throw wrong(`${name}: unknown option: ${hint(name, Object.keys(defaults))}`)
    }
  }
  const { hashed = defaults.hashed } = options
  if (typeof hashed !== "boolean") {
    throw wrong("hashed: expected true or false")
  }
  const duration = (name: "ttl" | "timeout" | "gcInterval"): Duration.Duration =>
    Option.getOrThrowWith(
      Option.filter(
        Duration.fromInput(options[name] ?? defaults[name]),
        (duration) => Duration.isFinite(duration) && Duration.toMillis(duration) > 0
      ),
      () => wrong(`${name}: expected a positive, finite duration such as "30 minutes"`)
    )
  return { ttl: duration("ttl"), hashed, timeout: duration("timeout"), gcInterval: duration("gcInterval") }
}
