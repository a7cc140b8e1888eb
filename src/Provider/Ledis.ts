/**
 * Sessions in a LedisDB server, over the Redis protocol. Uses ioredis 5 or 6, an optional peer dependency.
 *
 * LedisDB runs one script at a time, as Redis does, but it executes other clients' commands between those of a script.
 * Therefore every change here is a script. It counts lifetimes in whole seconds. It takes seconds for values over some
 * 32 KiB, whatever the client; values over 128 KiB are refused.
 *
 * @since 3.0.0
 */
import type { Redis, RedisOptions } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import type { SessionError } from "../SessionError.js"
import * as Environment from "./internal/environment.js"
import { checked, type Names } from "./internal/options.js"
import { answer, makeRunner } from "./ledis/scripts.js"
import { capabilities, defaultPort, name } from "./ledis/server.js"
import * as Provider from "./Provider.js"
import { server } from "./redis/ioredis.js"
import type { Link } from "./redis/link.js"
import * as Scripted from "./redis/scripted.js"
import { makeScripts } from "./redis/scripts.js"

/**
 * The options of sessions in LedisDB.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /**
   * The server's address: `host:port`, or `redis://:password@host:6380/3` with a password and a database (0 to 15).
   * Default `127.0.0.1:6380`.
   */
  readonly url?: string | Redacted.Redacted | undefined
  /** The prefix of every key. Default `session:`. */
  readonly prefix?: string | undefined
  /**
   * How long the server may take to connect or to answer a command. Default 5 seconds: 128 KiB can take more than 3.
   */
  readonly timeout?: Duration.Input | undefined
  /** Extra ioredis options. They override the options this provider sets. */
  readonly options?: RedisOptions | undefined
}

/** A key is gone at the beginning of a second; one second more, so that it never is before its lifetime is over. */
const seconds = (ttl: string) => `string.format('%.0f', math.ceil(${ttl} / 1000) + 1)`

const scripts = makeScripts({
  call: "ledis.call",
  // Its SET keeps the previous lifetime.
  store: (key, value, ttl) => `call('SETEX', ${key}, ${seconds(ttl)}, ${value})`,
  expire: (key, ttl) => `call('EXPIRE', ${key}, ${seconds(ttl)})`,
  answer
})

/**
 * Connects to a LedisDB server, and disconnects with the scope. Fails with `Unavailable` if the server does not answer,
 * and with `InvalidConfig` if an option is wrong.
 *
 * @example
 * import * as Ledis from "effect-session/ledis"
 *
 * const provider = Ledis.make({ url: "127.0.0.1:6380" })
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Provider.Provider, SessionError, Scope.Scope> => {
  const { prefix = "session:", url = `127.0.0.1:${defaultPort}` } = options
  const timeout = Duration.fromInputUnsafe(options.timeout ?? "5 seconds")
  return Effect.map(server(name, timeout, url, defaultPort, options.options, { isPatient: true }), (link) =>
    Scripted.make({ name, prefix, scripts, client: makeClient(link, prefix), capabilities })
  )
}

const makeClient = (link: Link<Redis>, prefix: string): Scripted.Client => {
  const { ask, run } = makeRunner(link, prefix)
  return {
    get: (key) => ask(() => link.client.getBuffer(key)),
    swap: undefined,
    run,
    keys: (prefix) => keysOf(link, prefix)
  }
}

/** LedisDB keeps keys in order, and its cursor is a key: the last one that was returned. */
async function* keysOf({ call, client }: Link<Redis>, prefix: string): AsyncGenerator<ReadonlyArray<string>> {
  let cursor = prefix
  do {
    const [next, keys] = (await call(() => client.call("XSCAN", "KV", cursor, "COUNT", 1000), true)) as [
      string,
      ReadonlyArray<string>
    ]
    const own = keys.filter((key) => key.startsWith(prefix))
    yield own
    cursor = own.length < keys.length ? "" : next
  } while (cursor !== "")
}

const names: Names<Options> = { url: "optional", prefix: "optional", timeout: "optional", options: "optional" }

/**
 * Provides sessions in LedisDB. Fails with `Unavailable` if the server does not answer, and with `InvalidConfig` if an
 * option is wrong.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Ledis from "effect-session/ledis"
 *
 * const SessionLive = SessionLayer.make(Ledis.layer({ url: "127.0.0.1:6380" }), { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.effect(Provider.SessionProvider, checked(names, options, make))

/**
 * Provides sessions in LedisDB with options read from Effect's `Config`: one for each option, or one for all.
 *
 * @example
 * import { Config } from "effect"
 * import * as Ledis from "effect-session/ledis"
 *
 * const Sessions = Ledis.layerConfig({ url: Config.Redacted("STORE_URL") })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig: Environment.LayerConfig<Options> = Environment.configured(layer)

/**
 * Provides sessions in LedisDB with options from the environment: `SESSION_URL` and `SESSION_KEY_PREFIX`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Ledis from "effect-session/ledis"
 *
 * const SessionLive = SessionLayer.make(Ledis.layerFromEnv, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerFromEnv = layerConfig({
  url: Environment.url,
  prefix: Environment.prefix
})
