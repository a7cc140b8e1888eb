/**
 * The environment variables of the backends, and how layers take their options from `Config`.
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { SessionError } from "../../SessionError.js"
import type { SessionProvider } from "../Provider.js"

/** All of them: what else begins with `SESSION_`, and is no option of sessions, is a mistake. */
export const variables = {
  url: "SESSION_URL",
  prefix: "SESSION_KEY_PREFIX",
  minReplicas: "SESSION_MIN_REPLICAS",
  masterName: "SESSION_MASTER_NAME",
  durability: "SESSION_DURABILITY",
  fsync: "SESSION_FSYNC",
  maxSessions: "SESSION_MAX_SESSIONS",
  maxConnections: "SESSION_MAX_CONNECTIONS",
  table: "SESSION_TABLE",
  schema: "SESSION_SCHEMA",
  migrate: "SESSION_MIGRATE",
  prepared: "SESSION_PREPARED",
  keys: "SESSION_KEYS",
  cipher: "SESSION_CIPHER",
  validFrom: "SESSION_VALID_FROM",
  revocations: "SESSION_REVOCATIONS"
} as const

export const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

/** It may hold a password. */
export const url = Config.redacted(variables.url)

/** The one place where a URL is unwrapped. No error repeats it. */
export const plainUrl = (url: string | Redacted.Redacted): string =>
  Redacted.isRedacted(url) ? Redacted.value(url) : url

export const prefix = optional(Config.string(variables.prefix))

/** The table of sessions in a database. */
export const table = {
  table: optional(Config.nonEmptyString(variables.table)),
  schema: optional(Config.nonEmptyString(variables.schema)),
  migrate: optional(Config.boolean(variables.migrate))
}

export const maxConnections = optional(Config.integer(variables.maxConnections))

/** The options of a provider's layer, each a `Config` of its own, or all one. */
export type LayerConfig<Options> = (
  options: Config.Config.Wrap<Options>
) => Layer.Layer<SessionProvider, SessionError | ConfigError.ConfigError>

/** A layer whose options are read when it is built, each by a `Config` of its own or all by one. */
export const configured =
  <Options, A, E, R>(layer: (options: Options) => Layer.Layer<A, E, R>) =>
  (options: Config.Config.Wrap<Options>): Layer.Layer<A, E | ConfigError.ConfigError, R> =>
    Layer.unwrapEffect(Effect.map(Config.unwrap(options), layer))
