/**
 * The environment variables of the backends, and layers that take their options from `Config`.
 */
import { mapOrError, missing } from "#dialect/config"
import * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Result from "#effect/Result"
import type { SessionError } from "../../SessionError.js"
import type { SessionProvider } from "../Provider.js"

/**
 * All variables of the backends. Any other that begins with `SESSION_`, and is not an option of sessions, is a mistake.
 */
export const variables = {
  url: "SESSION_URL",
  prefix: "SESSION_KEY_PREFIX",
  minReplicas: "SESSION_MIN_REPLICAS",
  masterName: "SESSION_MASTER_NAME",
  sentinelUsername: "SESSION_SENTINEL_USERNAME",
  sentinelPassword: "SESSION_SENTINEL_PASSWORD",
  sentinelTls: "SESSION_SENTINEL_TLS",
  durability: "SESSION_DURABILITY",
  fsync: "SESSION_FSYNC",
  strictModes: "SESSION_STRICT_MODES",
  maxSessions: "SESSION_MAX_SESSIONS",
  maxConnections: "SESSION_MAX_CONNECTIONS",
  table: "SESSION_TABLE",
  schema: "SESSION_SCHEMA",
  migrate: "SESSION_MIGRATE",
  prepared: "SESSION_PREPARED",
  tls: "SESSION_TLS",
  keys: "SESSION_KEYS",
  cipher: "SESSION_CIPHER",
  revocations: "SESSION_REVOCATIONS"
} as const

export const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

const requiredUrl = <A>(config: Config.Config<A>, what: string): Config.Config<A> =>
  mapOrError(optional(config), (value) =>
    value === undefined ? Result.fail(missing(variables.url, `it is not set: it is ${what}`)) : Result.succeed(value)
  )

/** Redacted, since it may hold a password. */
export const url = requiredUrl(Config.Redacted(variables.url), "the address of the backend")

/** Of a backend that is no server. */
export const path = (what: "the directory" | "the name of the file"): Config.Config<string> =>
  requiredUrl(Config.NonEmptyString(variables.url), `${what} of the sessions`)

/** Unwraps a URL or a password. This is the only place that does, and no error repeats them. */
export const plain = (secret: string | Redacted.Redacted): string =>
  Redacted.isRedacted(secret) ? Redacted.value(secret) : secret

/** Decodes a part of a URL. A `%` that begins no escape stands for itself, as in a password that was not encoded. */
export const decode = (part: string): string => {
  try {
    return decodeURIComponent(part.replaceAll(/%(?![0-9a-f]{2})/gi, "%25"))
  } catch {
    return part
  }
}

export const prefix = optional(Config.String(variables.prefix))

/** The table of sessions in a database. */
export const table = {
  table: optional(Config.NonEmptyString(variables.table)),
  schema: optional(Config.NonEmptyString(variables.schema)),
  migrate: optional(Config.Boolean(variables.migrate))
}

export const maxConnections = optional(Config.Int(variables.maxConnections))

export const prepared = optional(Config.Boolean(variables.prepared))

export const tls = optional(Config.Boolean(variables.tls))

/** A layer whose options are read from `Config`: one for each option, or one for all. */
export type LayerConfig<Options> = (
  options: Config.Wrap<Options>
) => Layer.Layer<SessionProvider, SessionError | Config.ConfigError>

/** Makes a layer whose options are read from `Config` when it is built: one for each option, or one for all. */
export const configured =
  <Options, A, E, R>(layer: (options: Options) => Layer.Layer<A, E, R>) =>
  (options: Config.Wrap<Options>): Layer.Layer<A, E | Config.ConfigError, R> =>
    Layer.unwrap(Effect.map(Config.unwrap(options), layer))
