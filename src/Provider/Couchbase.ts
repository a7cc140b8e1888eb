/**
 * Sessions in Couchbase, one document each. Uses the official SDK, `couchbase` 4.6 or newer, an optional peer
 * dependency.
 *
 * @since 3.0.0
 */
import type { Collection, ConnectOptions, DurabilityLevel } from "couchbase"
import * as Config from "#effect/Config"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type * as Redacted from "#effect/Redacted"
import type * as Scope from "#effect/Scope"
import type { SessionError } from "../SessionError.js"
import { type Durability, durabilities, parse } from "./couchbase/address.js"
import { aDay, binary, inCollection, invalid, maxValue, opened, ready } from "./couchbase/collection.js"
import * as CasProvider from "./internal/casProvider.js"
import { overhead } from "./internal/casValue.js"
import * as Environment from "./internal/environment.js"
import { checked, type Names } from "./internal/options.js"
import * as Provider from "./Provider.js"

export type {
  /**
   * @since 3.0.0
   * @category models
   */
  Durability
} from "./couchbase/address.js"

/**
 * The options of sessions in Couchbase.
 *
 * @since 3.0.0
 * @category models
 */
export interface Options {
  /**
   * The cluster and the bucket: `couchbase://user:password@host,host/bucket`, or `couchbases://` for TLS. A scope and a
   * collection may follow the bucket, as `/bucket/scope/collection`, and the SDK's own parameters after a `?`.
   */
  readonly url?: string | Redacted.Redacted | undefined
  /** The prefix of every key. Default `session:`. */
  readonly prefix?: string | undefined
  /** How long the cluster may take to connect, and then to answer each call. Default 2 seconds. */
  readonly timeout?: Duration.Input | undefined
  /**
   * When a write counts: at once (`none`, the default), when a majority of the replicas has it (`majority`), when its
   * node also has it on disk (`majorityAndPersistActive`), or when a majority has it on disk (`persistToMajority`). A
   * node that fails over loses every write that no other node has.
   */
  readonly durability?: Durability | undefined
  /** Extra SDK options, such as `security`. They override the options this provider sets. */
  readonly options?: ConnectOptions | undefined
  /**
   * A collection that the app already has open, in place of `url` and `options`. Its cluster is not closed with the
   * layer.
   */
  readonly collection?: Collection | undefined
}

const capabilities: Provider.Capabilities = {
  ...Provider.defaultCapabilities,
  maxPayload: maxValue - overhead
}

/** The numbers of Couchbase's protocol, which the SDK's enum shares. The enum itself would load the SDK. */
const levels: Record<Durability, DurabilityLevel> = {
  none: 0,
  majority: 1,
  majorityAndPersistActive: 2,
  persistToMajority: 3
}

/**
 * Connects to the cluster, and closes the connection with the scope. Fails with `Unavailable` if the cluster or the
 * bucket does not answer, and with `InvalidConfig` if an option is wrong or the cluster refuses the user and password.
 *
 * @example
 * import * as Couchbase from "effect-session/couchbase"
 *
 * const provider = Couchbase.make({ url: "couchbase://user:password@10.0.0.1/app" })
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Provider.Provider, SessionError, Scope.Scope> =>
  Effect.gen(function* () {
    const { durability = "none", prefix = "session:", timeout = "2 seconds" } = options
    if (!/^[!-~]{0,100}$/.test(prefix)) {
      return yield* invalid("prefix: expected up to 100 visible ASCII characters, without spaces")
    }
    if (!durabilities.includes(durability)) {
      return yield* invalid(`durability: expected one of ${durabilities.join(", ")}`)
    }
    const millis = Duration.toMillis(timeout)
    const collection =
      options.collection ??
      (yield* Effect.flatMap(parse(Environment.plain(options.url ?? "")), (at) => opened(at, millis, options.options)))
    yield* ready(collection, `${prefix}.`, millis)
    return CasProvider.make(
      inCollection(
        collection,
        { transcoder: binary, durability: levels[durability], timeout: millis, margin: aDay, distinct: true },
        capabilities
      ),
      prefix
    )
  })

const names: Names<Options> = {
  url: "optional",
  prefix: "optional",
  timeout: "optional",
  options: "optional",
  durability: "optional",
  collection: "optional"
}

/**
 * Provides sessions in Couchbase. Fails with `Unavailable` if the cluster or the bucket does not answer, and with
 * `InvalidConfig` if an option is wrong or the cluster refuses the user and password.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Couchbase from "effect-session/couchbase"
 *
 * const SessionLive = SessionLayer.make(
 *   Couchbase.layer({ url: "couchbase://user:password@10.0.0.1,10.0.0.2/app/web/sessions", durability: "majority" }),
 *   { idleTimeout: "30 minutes" }
 * )
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.effect(Provider.SessionProvider, checked(names, options, make))

const durability = Config.withDefault(Config.Literals(durabilities, Environment.variables.durability), "none")

/**
 * Provides sessions in Couchbase with options read from Effect's `Config`: one for each option, or one for all.
 *
 * @example
 * import { Config } from "effect"
 * import * as Couchbase from "effect-session/couchbase"
 *
 * const Sessions = Couchbase.layerConfig({ url: Config.Redacted("STORE_URL") })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerConfig: Environment.LayerConfig<Omit<Options, "collection">> = Environment.configured(layer)

/**
 * Provides sessions in Couchbase with options from the environment: `SESSION_URL`, `SESSION_KEY_PREFIX` and
 * `SESSION_DURABILITY`.
 *
 * @example
 * import { SessionLayer } from "effect-session"
 * import * as Couchbase from "effect-session/couchbase"
 *
 * const SessionLive = SessionLayer.make(Couchbase.layerFromEnv, { idleTimeout: "30 minutes" })
 *
 * @since 3.0.0
 * @category layers
 */
export const layerFromEnv = layerConfig({
  url: Environment.url,
  prefix: Environment.prefix,
  durability
})
