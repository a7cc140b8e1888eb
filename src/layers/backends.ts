/**
 * The backends by name, as beego names them. Each reads its own variables; its module, and with it its driver, is loaded only when
 * it is chosen.
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { SessionProvider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import { lazy } from "./lazy.js"

export type ProviderLayer = Layer.Layer<SessionProvider, SessionError | ConfigError.ConfigError>

export const backends: Record<string, () => Promise<ProviderLayer>> = {
  memory: () => import("../Provider/Memory.js").then((module) => module.layerConfig),
  file: () => import("../Provider/File.js").then((module) => module.layerConfig),
  cookie: () =>
    import("../Provider/Cookie.js").then((module) => Layer.unwrapEffect(Effect.map(revocations, module.layerConfig))),
  redis: () => import("../Provider/Redis.js").then((module) => module.layerConfig),
  redis_cluster: () => import("../Provider/Redis.js").then((module) => module.layerClusterConfig),
  redis_sentinel: () => import("../Provider/Redis.js").then((module) => module.layerSentinelConfig),
  ledis: () => import("../Provider/Ledis.js").then((module) => module.layerConfig),
  ssdb: () => import("../Provider/Ssdb.js").then((module) => module.layerConfig),
  mysql: () => import("./Mysql.js").then((module) => module.layerConfig),
  postgresql: () => import("./Postgres.js").then((module) => module.layerConfig),
  sqlite: () => import("./Sqlite.js").then((module) => module.layerConfig),
  memcache: () => import("../Provider/Memcached.js").then((module) => module.layerConfig),
  couchbase: () => import("../Provider/Couchbase.js").then((module) => module.layerConfig)
}

/** The backend that a variable names, among these and the app's own. */
export const named = (
  variable: string,
  own: Readonly<Record<string, ProviderLayer>> = {}
): Config.Config<() => Promise<ProviderLayer>> =>
  Config.mapOrFail(Config.string(variable), (name) => {
    const layer = Object.hasOwn(own, name) ? own[name] : undefined
    const load =
      layer !== undefined ? () => Promise.resolve(layer) : Object.hasOwn(backends, name) ? backends[name] : undefined
    return load === undefined
      ? Either.left(
          ConfigError.InvalidData(
            [variable],
            `unknown provider ${JSON.stringify(name)}: expected one of ${[...Object.keys(backends), ...Object.keys(own)].join(", ")}`
          )
        )
      : Either.right(load)
  })

/** Where the cookie backend keeps what was ended. */
const revocations = Effect.map(
  Config.option(named("SESSION_REVOCATIONS")),
  Option.match({ onNone: () => undefined, onSome: (load) => lazy("SESSION_REVOCATIONS", load) })
)
