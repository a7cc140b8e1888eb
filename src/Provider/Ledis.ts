/**
 * Sessions in a LedisDB server, over the Redis protocol, by ioredis 5 (an optional peer dependency).
 *
 * LedisDB runs scripts one at a time, as Redis does, but between a script's commands it executes those of others: therefore every
 * change is a script here. It counts lifetimes in whole seconds. Values over some 32 KiB take it seconds, whatever the client;
 * those over 128 KiB are refused.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Redis, type RedisOptions } from "ioredis"
import type { SessionError } from "../SessionError.js"
import { addresses, boundedOptions, connected, failed, pipelined, scriptLoader } from "./internal/ioredis.js"
import * as Scripted from "./internal/scripted.js"
import { makeScripts, revisions } from "./internal/scripts.js"
import * as ServerConfig from "./internal/serverConfig.js"
import { makeWindow } from "./internal/window.js"
import * as Provider from "./Provider.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** `host:port`, or `redis://:password@host:6380/3` with a password and a database (0 to 15). Default `127.0.0.1:6380`. */
  readonly url?: string | undefined
  /** What all keys start with. Default `session:`. */
  readonly prefix?: string | undefined
  /** How long the server may take to connect or to answer. Default 5 seconds: 128 KiB can take more than 3. */
  readonly timeout?: Duration.DurationInput | undefined
  /** More of ioredis' options; they go before what this provider chooses. */
  readonly options?: RedisOptions | undefined
}

const scripts = makeScripts({
  call: "ledis.call",
  // SETEX, since its SET keeps the lifetime that was there.
  store: "call('SETEX', key, seconds, value)",
  expire: "call('EXPIRE', key, seconds)",
  // A script must not return anything: LedisDB leaves what it returns on the stack of its one Lua state, which is full after
  // some 5,000 calls, and then no script runs any more. So the answer goes through a key of its own.
  answer: `
local answer = run()
if type(answer) == 'number' then answer = string.format('#%.0f', answer) end
if answer then call('SETEX', KEYS[#KEYS], '10', answer) end`
})

/**
 * Fails with `Unavailable` where the server does not answer, and `InvalidConfig`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Provider.Provider, SessionError, Scope.Scope> => {
  const { prefix = "session:", url = "127.0.0.1:6380" } = options
  const timeout = Duration.decode(options.timeout ?? "5 seconds")
  return Effect.flatMap(addresses("url", url, 6380), ([address]) =>
    Effect.map(
      connected(
        "ledis",
        timeout,
        () => new Redis({ ...boundedOptions(timeout), ...address, ...options.options, lazyConnect: true })
      ),
      (redis) =>
        Scripted.make({
          name: "ledis",
          prefix,
          scripts,
          client: makeClient(redis, prefix),
          capabilities: {
            ...Provider.defaultCapabilities,
            maxPayload: 128 * 1024,
            // Up to a second until the second is full, and as much again until the server looks.
            expirySlack: 2_200
          }
        })
    )
  )
}

/** In bytes. A client that sends more before it has an answer waits for seconds. */
const receiveBuffer = 4096

/** The bytes of a call besides its arguments, roughly. */
const overhead = 256

const makeClient = (redis: Redis, prefix: string): Scripted.Client => {
  const loaded = scriptLoader()
  const window = makeWindow(receiveBuffer)
  const nextCall = revisions()
  return {
    failed: failed("ledis"),
    get: (key) => window(overhead, () => redis.getBuffer(key)),
    run: (script, keys, args) =>
      window(
        args.reduce<number>((size, arg) => size + (typeof arg === "number" ? 0 : arg.length), overhead),
        () => {
          const answer = `answer:${prefix}${nextCall()}`
          return loaded(script, (command, text) =>
            pipelined(redis, [
              [command, text, keys.length + 1, ...keys, answer, ...args],
              ["get", answer],
              ["del", answer]
            ])
          ).then(([, reply]) => toReply(reply as Buffer | null))
        }
      ),
    keys: (prefix) => keysOf(redis, prefix)
  }
}

/** A number is marked: a record, which begins with a revision, never begins so. */
const toReply = (answer: Buffer | null): Buffer | number | null =>
  answer?.[0] === 35 ? Number(answer.toString("latin1", 1)) : answer

/** LedisDB keeps keys in order, and its cursor is a key: the last one that was seen. */
async function* keysOf(redis: Redis, prefix: string): AsyncGenerator<ReadonlyArray<string>> {
  let cursor = prefix
  do {
    const [next, keys] = (await redis.call("XSCAN", "KV", cursor, "COUNT", 1000)) as [string, ReadonlyArray<string>]
    const own = keys.filter((key) => key.startsWith(prefix))
    yield own
    cursor = own.length < keys.length ? "" : next
  } while (cursor !== "")
}

/**
 * A layer of {@link make}.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Ledis from "effect-session/ledis"
 *
 * const SessionLive = SessionLayer.make(Ledis.layer({ url: "127.0.0.1:6380" }), { idleTimeout: "30 minutes" })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.scoped(Provider.SessionProvider, make(options))

/**
 * {@link layer} with its options from the environment: `SESSION_URL`, `SESSION_KEY_PREFIX`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<Provider.SessionProvider, SessionError | ConfigError.ConfigError> =
  Layer.unwrapEffect(Effect.map(Config.all({ url: ServerConfig.url, prefix: ServerConfig.prefix }), layer))
