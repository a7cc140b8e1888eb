/**
 * Sessions in memcached, spread over one server or several. Needs no driver.
 *
 * @since 3.0.0
 */
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import { SessionError } from "../SessionError.js"
import * as CasProvider from "./internal/casProvider.js"
import * as Environment from "./internal/environment.js"
import { checked, type Names } from "./internal/options.js"
import { checkList } from "./memcached/list.js"
import { placeOf } from "./memcached/rendezvous.js"
import { areServers, connect, serversIn } from "./memcached/servers.js"
import * as Store from "./memcached/store.js"
import * as Provider from "./Provider.js"

/**
 * The options of sessions in memcached.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /**
   * The servers, as `host:port` separated by commas. Default `127.0.0.1:11211`. All processes must name the same ones.
   * An IPv6 address stands in brackets, and the absolute path of a socket may take the place of host and port. For a
   * server with a login (`-Y`): `user:password@host:port`, with special characters as `%XX`.
   */
  readonly url?: string | Redacted.Redacted | undefined
  /** The prefix of every key. Default `session:`. */
  readonly prefix?: string | undefined
  /** How long a server may take to connect or to answer a command. Default 2 seconds. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * Connects to the servers, and disconnects with the scope. Fails with `Unavailable` if no server answers, and with
 * `InvalidConfig` if an option is wrong.
 *
 * @example
 * import * as Memcached from "effect-session/memcached"
 *
 * const provider = Memcached.make({ url: "10.0.0.1:11211,10.0.0.2:11211" })
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Provider.Provider, SessionError, Scope.Scope> => {
  const { prefix = "session:", timeout = "2 seconds", url = "127.0.0.1:11211" } = options
  const invalid = (message: string) => Effect.fail(new SessionError({ reason: "InvalidConfig", message }))
  const servers = serversIn(Environment.plain(url))
  if (!areServers(servers)) {
    return invalid(
      "url: expected host:port,host:port, each host a name, an IPv4 address or an IPv6 address in brackets; the absolute path of a socket may stand for it, and user:password@ before it"
    )
  }
  if (!/^[!-~]{0,100}$/.test(prefix)) {
    return invalid("prefix: expected up to 100 visible ASCII characters, without spaces")
  }
  const addresses = servers.map(({ address }) => address)
  return connect(servers, placeOf(addresses), Duration.toMillis(timeout)).pipe(
    Effect.tap(({ present }) => checkList(present, addresses, prefix)),
    Effect.map(({ ask }) =>
      CasProvider.make(Store.make(ask, { capabilities: Store.capabilities, distinct: true }), prefix)
    )
  )
}

const names: Names<Options> = { url: "optional", prefix: "optional", timeout: "optional" }

/**
 * Provides sessions in memcached. Fails with `Unavailable` if no server answers, and with `InvalidConfig` if an option
 * is wrong.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Memcached from "effect-session/memcached"
 *
 * const SessionLive = SessionLayer.make(Memcached.layer({ url: "10.0.0.1:11211,10.0.0.2:11211" }), {
 *   idleTimeout: "30 minutes"
 * })
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.effect(Provider.SessionProvider, checked(names, options, make))

/**
 * Provides sessions in memcached with options read from Effect's `Config`: one for each option, or one for all.
 *
 * @example
 * import { Config } from "effect"
 * import * as Memcached from "effect-session/memcached"
 *
 * const Sessions = Memcached.layerConfig({ url: Config.Redacted("STORE_URL") })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig: Environment.LayerConfig<Options> = Environment.configured(layer)

/**
 * Provides sessions in memcached with options from the environment: `SESSION_URL` and `SESSION_KEY_PREFIX`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Memcached from "effect-session/memcached"
 *
 * const SessionLive = SessionLayer.make(Memcached.layerFromEnv, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerFromEnv = layerConfig({
  url: Environment.url,
  prefix: Environment.prefix
})
