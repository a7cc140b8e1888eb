/**
 * The layer that takes beego's own configuration.
 */

import type * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { lazy } from "../layers/lazy.js"
import * as SessionLayer from "../layers/SessionLayer.js"
import { idLength } from "../Manager/configSchema.js"
import { make as makeConfig, type Options } from "../Manager/SessionConfig.js"
import type { SessionManager } from "../Manager/SessionManager.js"
import { SessionError } from "../SessionError.js"
import { decodeBeego } from "./config.js"
import { codec } from "./gob/codec.js"
import { providers } from "./providers.js"

/**
 * Shares sessions with a beego v2.3.5 app that runs beside this one. Takes the arguments of Go's
 * `session.NewManager(provider, config)`: the JSON of its `ManagerConfig` as text or object, and beego's name of a
 * provider: `memory` (which shares nothing), `file`, `cookie`, `redis`, `redis_cluster`, `redis_sentinel`, `memcache`,
 * `mysql`, `postgresql`, `couchbase`, `ledis`, `ssdb`. Fails with `InvalidConfig`, which names the field, and with the
 * errors of the provider. `options` override beego's JSON.
 *
 * @example
 * import * as Beego from "effect-session/beego"
 *
 * const SessionLive = Beego.layer(
 *   "redis",
 *   `{"cookieName":"gosessionid","enableSetCookie":true,"gclifetime":3600,"providerConfig":"127.0.0.1:6379,100,secret"}`
 * )
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (
  provider: string,
  config: string | object,
  options: Options = {}
): Layer.Layer<SessionManager, SessionError | Config.ConfigError> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { options: theirs, ...given } = yield* decodeBeego(config)
      const make = Object.hasOwn(providers, provider) ? providers[provider] : undefined
      if (make === undefined) {
        return yield* new SessionError({
          reason: "InvalidConfig",
          message: `unknown provider ${JSON.stringify(provider)}: expected one of ${Object.keys(providers).join(", ")}`
        })
      }
      const { cookie, load, maxIdLength = Number.POSITIVE_INFINITY } = yield* make(given)
      const merged: Options = {
        ...theirs,
        ...options,
        id: { ...theirs.id, ...options.id },
        cookie: options.cookie !== false && { ...theirs.cookie, ...cookie, ...options.cookie }
      }
      const { id } = yield* makeConfig(merged)
      if (id.hashed !== true && idLength(id) > maxIdLength) {
        return yield* new SessionError({
          reason: "InvalidConfig",
          message: `sessionIDLength, sessionIDPrefix: together they make ids of ${idLength(id)} characters, ${provider} has room for ${maxIdLength}`
        })
      }
      return SessionLayer.make(lazy(load), merged, codec)
    })
  )
