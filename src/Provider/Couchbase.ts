/**
 * Sessions in Couchbase, one document each. By its official SDK, `couchbase` 4.6 or newer, an optional peer dependency.
 *
 * @since 0.1.0
 */
import { setTimeout as sleep } from "node:timers/promises"
import {
  AuthenticationFailureError,
  BucketNotFoundError,
  type Cas,
  CasMismatchError,
  type Cluster,
  type Collection,
  CollectionNotFoundError,
  type ConnectOptions,
  connect,
  DocumentExistsError,
  DocumentNotFoundError,
  DurabilityLevel,
  RawBinaryTranscoder,
  ScopeNotFoundError,
  TimeoutError,
  type Transcoder,
  ValueTooLargeError
} from "couchbase"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { SessionError, unavailable } from "../SessionError.js"
import type { CasStore, Change } from "./internal/casProvider.js"
import * as CasProvider from "./internal/casProvider.js"
import { type Address, type Durability, durabilities, parse } from "./internal/couchbaseAddress.js"
import { prefix, url } from "./internal/serverConfig.js"
import * as Provider from "./Provider.js"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Durability
} from "./internal/couchbaseAddress.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * `couchbase://user:password@host,host/bucket`, or `couchbases://` for TLS. A scope and a collection may follow the bucket, as
   * `/bucket/scope/collection`, and the SDK's own parameters after a `?`.
   */
  readonly url?: string | undefined
  /** What all keys start with. Default `session:`. */
  readonly prefix?: string | undefined
  /** How long the cluster may take to connect, and then to answer. Default 2 seconds. */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * When a write counts: at once (`none`, the default), when a majority of the replicas has it (`majority`), when its node has it on
   * disk too (`majorityAndPersistActive`), or when a majority has it on disk (`persistToMajority`). A node that fails over takes
   * with it what no other one has.
   */
  readonly durability?: Durability | undefined
  /** More of the SDK's options, such as `security`; they go before what this provider chooses. */
  readonly options?: ConnectOptions | undefined
  /** A collection that the app already has open, in place of `url` and `options`. Its cluster is not closed with the layer. */
  readonly collection?: Collection | undefined
}

const backend = "couchbase"

const levels: Record<Durability, DurabilityLevel> = {
  none: DurabilityLevel.None,
  majority: DurabilityLevel.Majority,
  majorityAndPersistActive: DurabilityLevel.MajorityAndPersistOnMaster,
  persistToMajority: DurabilityLevel.PersistToMajority
}

/**
 * The server's clock ticks in seconds and only has to outlive the value's own expiry, so a second more. Above 30 days a number is a
 * date to it, of 32 bits (kv_engine, docs/BinaryProtocol.md, "Expiration"); a `Date` is one to the SDK as well.
 */
const expiryOf = (ttl: Duration.Duration): number | Date => {
  const seconds = Math.ceil(Duration.toSeconds(ttl)) + 1
  return seconds < 30 * 24 * 60 * 60
    ? seconds
    : new Date(Math.min(Math.floor(Date.now() / 1000) + seconds, 2 ** 32 - 1) * 1000)
}

/** What is not binary was put there by someone else: it is still read as bytes, and found to be no session. */
const raw = new RawBinaryTranscoder()
const transcoder: Transcoder = { encode: (value) => raw.encode(value), decode: (bytes) => bytes }

/** Errors that say why nothing was done. */
const refusal = (error: unknown): Change | undefined =>
  error instanceof DocumentNotFoundError
    ? "gone"
    : error instanceof CasMismatchError || error instanceof DocumentExistsError
      ? "changed"
      : undefined

/** An error of the SDK holds keys; its name does not. */
const failure = (operation: string, error: unknown): SessionError =>
  error instanceof ValueTooLargeError
    ? new SessionError({
        reason: "TooLarge",
        message: `${backend}: the session is larger than the server's limit: keep less in it, such as ids instead of records`
      })
    : unavailable(backend, operation, error)

const inCollection = (collection: Collection, durabilityLevel: DurabilityLevel, timeout: number): CasStore<Cas> => {
  const attempt = <A extends object>(
    operation: string,
    call: () => Promise<A>
  ): Effect.Effect<A | Change, SessionError> =>
    Effect.catchAll(Effect.tryPromise({ try: call, catch: (error) => error }), (error) => {
      const change = refusal(error)
      return change === undefined ? Effect.fail(failure(operation, error)) : Effect.succeed(change)
    })
  const done = (result: object | Change): Change => (typeof result === "string" ? result : "done")
  const reading = { transcoder, timeout }
  const writing = { ...reading, durabilityLevel }
  return {
    name: backend,
    capabilities: {
      ...Provider.defaultCapabilities,
      regenerate: "ordered",
      maxPayload: 20 * 1024 * 1024 - CasProvider.overhead
    },
    get: (operation, key) =>
      Effect.map(
        attempt(operation, () => collection.get(key, reading)),
        (found) => (typeof found === "string" ? undefined : { value: found.content, token: found.cas })
      ),
    add: (operation, key, value, ttl) =>
      Effect.map(
        attempt(operation, () => collection.insert(key, value, { ...writing, expiry: expiryOf(ttl) })),
        (result) => done(result) === "done"
      ),
    replace: (operation, key, value, ttl, cas) =>
      Effect.map(
        attempt(operation, () => collection.replace(key, value, { ...writing, expiry: expiryOf(ttl), cas })),
        done
      ),
    removeAt: (operation, key, cas) =>
      Effect.map(
        attempt(operation, () => collection.remove(key, { timeout, durabilityLevel, cas })),
        done
      ),
    remove: (operation, key) =>
      Effect.asVoid(attempt(operation, () => collection.remove(key, { timeout, durabilityLevel })))
  }
}

const invalid = (message: string) => new SessionError({ reason: "InvalidConfig", message })

/** Why there are no sessions to be had: of what the SDK says while it connects, and of the first answer. */
const notReady = (error: unknown): SessionError =>
  error instanceof AuthenticationFailureError
    ? invalid("url: the cluster refuses this user and password (AuthenticationFailure)")
    : error instanceof BucketNotFoundError ||
        error instanceof ScopeNotFoundError ||
        error instanceof CollectionNotFoundError
      ? invalid(`url: no such bucket, scope or collection (${error.name})`)
      : // The SDK waits for a bucket or a collection that is not there: it may be about to be made.
        unavailable(
          backend,
          "connect",
          error instanceof TimeoutError ? "no answer; are there such a bucket and collection?" : error
        )

/** How long a cluster that is being left may take, in milliseconds. What is not done by then goes on by itself. */
const closing = 500

/** A connected cluster, closed with the scope. */
const connected = (
  { connection, password, username }: Address,
  timeout: number,
  options: ConnectOptions
): Effect.Effect<Cluster, SessionError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      connect(connection, {
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        // Its own log of slow operations, which Effect's spans tell better.
        tracingConfig: { enableTracing: false },
        metricsConfig: { enableMetrics: false },
        ...options,
        timeouts: {
          bootstrapTimeout: timeout,
          connectTimeout: timeout,
          resolveTimeout: timeout,
          ...options.timeouts
        }
      })
    ),
    // Also where the build was given up while it connected.
    (cluster) => {
      const closed = cluster.then((cluster) => cluster.close()).catch(() => {})
      return Effect.promise(() => Promise.race([closed, sleep(closing, undefined, { ref: false })]))
    }
  ).pipe(Effect.flatMap((cluster) => Effect.tryPromise({ try: () => cluster, catch: notReady })))

/**
 * Connects to the cluster, and lets go of it with the scope. Fails with `Unavailable` where the cluster or the bucket does not
 * answer, and with `InvalidConfig`, also where the cluster refuses user and password.
 *
 * @since 0.1.0
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
    const opened = Effect.gen(function* () {
      const address = yield* parse(options.url ?? "")
      const cluster = yield* connected(address, millis, options.options ?? {})
      return cluster.bucket(address.bucket).scope(address.scope).collection(address.collection)
    })
    const collection = options.collection ?? (yield* opened)
    // Opening a bucket asks nobody; reading does.
    yield* Effect.tryPromise({
      try: () => collection.get(`${prefix}.`, { transcoder, timeout: millis }),
      catch: (error) => error
    }).pipe(Effect.catchAll((error) => (refusal(error) === undefined ? notReady(error) : Effect.void)))
    return CasProvider.make(inCollection(collection, levels[durability], millis), prefix)
  })

/**
 * A layer of {@link make}.
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
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Provider.SessionProvider, SessionError> =>
  Layer.scoped(Provider.SessionProvider, make(options))

const durability = Config.withDefault(Config.literal(...durabilities)("SESSION_DURABILITY"), "none")

/**
 * {@link layer} with its options from the environment: `SESSION_URL`, `SESSION_KEY_PREFIX`, `SESSION_DURABILITY`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<Provider.SessionProvider, SessionError | ConfigError.ConfigError> =
  Layer.unwrapEffect(Effect.map(Config.all({ url, prefix, durability }), layer))
