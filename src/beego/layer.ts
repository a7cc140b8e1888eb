/**
 * The layers that take beego's own configuration: of sessions, and of its provider alone.
 */

import type * as Config from "#effect/Config"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { lazy } from "../layers/lazy.js"
import * as SessionLayer from "../layers/SessionLayer.js"
import { idLength } from "../Manager/configSchema.js"
import { make as makeConfig, type Options } from "../Manager/SessionConfig.js"
import type { SessionManager } from "../Manager/SessionManager.js"
import type { SessionProvider } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import { decodeBeego } from "./config.js"
import { codec } from "./gob/codec.js"
import { providers } from "./providers.js"

/** beego's own options, and its provider, by its name and its `providerConfig`. */
const decodeProvider = (name: string, config: string | object) =>
  Effect.flatMap(decodeBeego(config), ({ options, ...given }) => {
    const make = Object.hasOwn(providers, name) ? providers[name] : undefined
    return make === undefined
      ? invalid(`unknown provider ${JSON.stringify(name)}: expected one of ${Object.keys(providers).join(", ")}`)
      : Effect.map(make(given), (loading) => ({ options, loading }))
  })

const invalid = (message: string) => Effect.fail(new SessionError({ reason: "InvalidConfig", message }))

/**
 * The provider of a beego v2.3.5 app, with its sessions under their ids as beego leaves them: to move them to this
 * library's own layout (`SessionLayer.moving`). Takes the same arguments as {@link layer}, and fails like it; there is
 * none of the name `cookie`, whose sessions the clients hold.
 *
 * @example
 * import { Effect, Layer, Schema } from "effect"
 * import { SessionLayer, SessionStore } from "effect-session"
 * import * as Beego from "effect-session/beego"
 * import * as Redis from "effect-session/redis"
 *
 * class Visitor extends SessionStore.Tag<Visitor>()("Visitor", { username: Schema.String }) {}
 *
 * const url = "redis://127.0.0.1:6379"
 * const config = `{"cookieName":"gosessionid","enableSetCookie":true,"gclifetime":3600,"providerConfig":"127.0.0.1:6379"}`
 *
 * const SessionLive = Layer.unwrap(
 *   Effect.map(Beego.options(config), (options) =>
 *     SessionLayer.moving(
 *       { from: Beego.provider("redis", config), codec: Beego.codec, to: Redis.layer({ url }), stores: [Visitor] },
 *       { ...options, id: { ...options.id, hashed: true } }
 *     )
 *   )
 * )
 *
 * @since 3.0.0
 * @category layers
 */
export const provider = (name: string, config: string | object): Layer.Layer<SessionProvider, SessionError> =>
  Layer.unwrap(
    Effect.flatMap(decodeProvider(name, config), ({ loading }) =>
      name === "cookie"
        ? invalid("cookie: clients hold the sessions, so that no provider has them")
        : Effect.succeed(lazy(loading.load) as Layer.Layer<SessionProvider, SessionError>)
    )
  )

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
      const { loading, options: theirs } = yield* decodeProvider(provider, config)
      const { cookie, load, maxIdLength = Number.POSITIVE_INFINITY } = loading
      const merged: Options = {
        ...theirs,
        ...options,
        id: { ...theirs.id, ...options.id },
        cookie: options.cookie !== false && { ...theirs.cookie, ...cookie, ...options.cookie }
      }
      const { id } = yield* makeConfig(merged)
      if (id.hashed !== true && idLength(id) > maxIdLength) {
        return yield* invalid(
          `sessionIDLength, sessionIDPrefix: together they make ids of ${idLength(id)} characters, ${provider} has room for ${maxIdLength}`
        )
      }
      return SessionLayer.make(lazy(load), merged, codec)
    })
  )
