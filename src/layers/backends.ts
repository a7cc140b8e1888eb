/**
 * The backends, by name. Each reads its own variables; its module is loaded only when it is chosen.
 */

import { invalid, mapOrFail, missing } from "#dialect/config"
import * as Array from "#effect/Array"
import * as Config from "#effect/Config"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import type { SealedSessions } from "../Provider/cookie/SealedSessions.js"
import { variables } from "../Provider/internal/environment.js"
import { hint } from "../Provider/internal/options.js"
import { type Provider, SessionProvider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { Backend } from "./compose.js"
import { lazy } from "./lazy.js"

type Failure = SessionError | Config.ConfigError

export type ProviderLayer = Layer.Layer<SessionProvider, Failure>

/** The providers, in a server or in this process. */
const providers = {
  memory: () => import("../Provider/Memory.js").then((module) => module.layerFromEnv),
  file: () => import("../Provider/File.js").then((module) => module.layerFromEnv),
  redis: () => import("../Provider/Redis.js").then((module) => module.layerFromEnv),
  redisCluster: () => import("../Provider/Redis.js").then((module) => module.layerClusterFromEnv),
  redisSentinel: () => import("../Provider/Redis.js").then((module) => module.layerSentinelFromEnv),
  ledis: () => import("../Provider/Ledis.js").then((module) => module.layerFromEnv),
  ssdb: () => import("../Provider/Ssdb.js").then((module) => module.layerFromEnv),
  mysql: () => import("../Provider/Mysql.js").then((module) => module.layerFromEnv),
  postgres: () => import("../Provider/Postgres.js").then((module) => module.layerFromEnv),
  sqlite: () => import("../Provider/Sqlite.js").then((module) => module.layerFromEnv),
  memcached: () => import("../Provider/Memcached.js").then((module) => module.layerFromEnv),
  couchbase: () => import("../Provider/Couchbase.js").then((module) => module.layerFromEnv)
} satisfies Record<string, () => Promise<ProviderLayer>>

/** The name of a provider in `SESSION_PROVIDER`. */
export type ProviderName = keyof typeof providers

/** Other names: beego's, and that of MySQL's twin. */
export const aliases: Readonly<Record<string, ProviderName>> = {
  redis_cluster: "redisCluster",
  redis_sentinel: "redisSentinel",
  postgresql: "postgres",
  memcache: "memcached",
  mariadb: "mysql"
}

/** What an app puts around the provider that was chosen. */
export type Wrap = (provider: Provider) => Provider

/** An app's own sealing, which is no provider, stays as it is. */
const wrapped = (backend: Backend<Failure>, wrap: Wrap): ProviderLayer =>
  Layer.flatMap(backend as ProviderLayer, (context) =>
    Option.match(Context.getOption(context, SessionProvider), {
      onNone: () => Layer.succeedContext(context),
      onSome: (provider) => Layer.succeed(SessionProvider, wrap(provider))
    })
  )

/** Sealed cookies; what is wrapped is the provider in which they record ended sessions. */
const cookieWith = (wrap?: Wrap): Layer.Layer<SealedSessions, Failure> =>
  lazy(() =>
    import("../Provider/Cookie.js").then((module) =>
      Layer.unwrap(
        Effect.map(revocations, (layer) => module.layerFromEnv(layer && wrap ? wrapped(layer, wrap) : layer))
      )
    )
  )

const cookie = cookieWith()

const backends: Readonly<Record<string, Backend<Failure>>> = {
  ...Object.fromEntries(Object.entries(providers).map(([name, load]) => [name, lazy<ProviderLayer>(load)])),
  cookie
}

/** The backend that a variable names, among the built-in ones and the app's own. */
const named = (variable: string, own: Readonly<Record<string, Backend<Failure>>>): Config.Config<Backend<Failure>> =>
  mapOrFail(variable, (name) => {
    const all = { ...backends, ...own }
    const known = Object.hasOwn(aliases, name) && !Object.hasOwn(own, name) ? aliases[name]! : name
    return Object.hasOwn(all, known)
      ? Result.succeed(all[known]!)
      : Result.fail(
          `unknown provider ${JSON.stringify(name)}: ${hint(name, [...Object.keys(all), ...Object.keys(aliases)])}`
        )
  })

/**
 * The backend that the environment chooses: `memory` by default, which must not ignore a variable that is set, unless
 * that is the app's.
 */
export const chosen = (
  variable: string,
  own: Readonly<Record<string, Backend<Failure>>>,
  foreign: ReadonlyArray<string>,
  wrap?: Wrap
): Effect.Effect<Backend<Failure>, Config.ConfigError> =>
  Effect.map(found(variable, own, foreign), (backend) =>
    wrap === undefined ? backend : backend === cookie ? cookieWith(wrap) : wrapped(backend, wrap)
  )

const found = (
  variable: string,
  own: Readonly<Record<string, Backend<Failure>>>,
  foreign: ReadonlyArray<string>
): Effect.Effect<Backend<Failure>, Config.ConfigError> =>
  Effect.flatMap(
    Config.option(named(variable, own)),
    Option.match({
      onNone: () =>
        Effect.flatMap(ignoredByMemory(foreign), (ignored) =>
          ignored.length === 0
            ? Effect.succeed(backends["memory"]!)
            : Effect.fail(
                missing(
                  variable,
                  `expected the name of a backend, such as redis: without it sessions are in memory, which ignores ${ignored.join(", ")}`
                )
              )
        ),
      onSome: Effect.succeed
    })
  )

/** The variables that are set and that the memory backend does not read. */
const ignoredByMemory = (foreign: ReadonlyArray<string>): Config.Config<ReadonlyArray<string>> =>
  Config.map(
    Config.all(
      Object.values(variables)
        .filter((name) => name !== variables.maxSessions && !foreign.includes(name))
        .map((name) => Config.option(Config.map(Config.NonEmptyString(name), () => name)))
    ),
    Array.getSomes
  )

/** The provider in which the cookie backend records ended sessions. */
const revocations: Effect.Effect<ProviderLayer | undefined, Config.ConfigError> = Effect.flatMap(
  Config.option(named(variables.revocations, {})),
  Option.match({
    onNone: () => Effect.succeed(undefined),
    onSome: (backend): Effect.Effect<ProviderLayer, Config.ConfigError> =>
      backend === cookie
        ? Effect.fail(invalid(variables.revocations, "expected a backend that keeps sessions on a server"))
        : Effect.succeed(backend as ProviderLayer)
  })
)
