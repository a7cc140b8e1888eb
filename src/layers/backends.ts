/**
 * The backends by name, as beego names them. Each reads its own variables; its module, and with it its driver, is loaded only when
 * it is chosen.
 */
import type * as ConfigError from "effect/ConfigError"
import type * as Layer from "effect/Layer"
import type { SessionProvider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"

export type ProviderLayer = Layer.Layer<SessionProvider, SessionError | ConfigError.ConfigError>

export const backends: Record<string, () => Promise<ProviderLayer>> = {
  memory: () => import("../Provider/Memory.js").then((module) => module.layerConfig),
  redis: () => import("../Provider/Redis.js").then((module) => module.layerConfig),
  redis_cluster: () => import("../Provider/Redis.js").then((module) => module.layerClusterConfig),
  redis_sentinel: () => import("../Provider/Redis.js").then((module) => module.layerSentinelConfig),
  mysql: () => import("./Mysql.js").then((module) => module.layerConfig),
  postgresql: () => import("./Postgres.js").then((module) => module.layerConfig),
  sqlite: () => import("./Sqlite.js").then((module) => module.layerConfig),
  memcache: () => import("../Provider/Memcached.js").then((module) => module.layerConfig)
}
