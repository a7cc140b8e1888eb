/**
 * Couchbase's official SDK for the providers: connecting, compare-and-swap on values in a collection, and errors.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Cas, Cluster, Collection, ConnectOptions, DurabilityLevel, Transcoder } from "couchbase"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { checkBackend, Failure } from "../../internal/failure.js"
import { SessionError, unavailable } from "../../SessionError.js"
import type { CasStore, Change } from "../internal/casProvider.js"
import { driver } from "../internal/driver.js"
import { ofRemoval, ofValue, settled, type Told } from "../internal/lostWrite.js"
import type { Capabilities } from "../Provider.js"
import type { Address } from "./address.js"

export const backend = "couchbase"

/** The largest value, in bytes. */
export const maxValue = 20 * 1024 * 1024

/**
 * The expiry for the server, a second longer: its clock can be two seconds behind, as memcached's can (mc_time.cc of
 * kv_engine), but a document lives through the whole second in which it expires (item.h, `isExpired`). Above 30 days
 * the server reads a number as a date of 32 bits on its own clock (BinaryProtocol.md of kv_engine, "Expiration"); the
 * SDK takes that as a `Date`, here made of this machine's clock.
 *
 * @param margin How many seconds longer a document may stay, in case the clocks differ.
 */
export const expiryOf = (ttl: Duration.Duration, margin = 0): number | Date => {
  const seconds = Math.ceil(Duration.toSeconds(ttl)) + 1
  return seconds < 30 * 24 * 60 * 60
    ? seconds
    : new Date(Math.min(Math.floor(Date.now() / 1000) + seconds + margin, 2 ** 32 - 1) * 1000)
}

/**
 * Checks an error by its name: the SDK is loaded only when it connects, and the app's collection may come from another
 * copy of it.
 */
const isOf = (error: unknown, ...names: ReadonlyArray<string>): error is Error =>
  error instanceof Error && names.includes(error.name)

/** The reason why nothing was done, if the error gives one. */
const refusal = (error: unknown): Change | undefined => {
  if (isOf(error, "DocumentNotFoundError")) {
    return "gone"
  }
  return isOf(error, "CasMismatchError", "DocumentExistsError") ? "changed" : undefined
}

const noReplicas = "give the bucket a replica and the cluster that many nodes more, or lower durability"

/** The SDK's errors that have words and advice of their own. */
const known: ReadonlyArray<readonly [name: string, words: string, advice: string]> = [
  ["DurabilityImpossibleError", "there are too few replicas for this durability", noReplicas],
  ["DurabilityLevelNotAvailableError", "the bucket does not offer this durability", noReplicas],
  [
    "DurabilityAmbiguousError",
    "not enough replicas confirmed the write in time",
    "check that all nodes of the bucket are up; the write may have been made"
  ],
  ["DurableWriteInProgressError", "another durable write is under way", "try again"],
  ["DurableWriteReCommitInProgressError", "a durable write is made anew after a failover", "try again"],
  [
    "TemporaryFailureError",
    "the node is out of memory, or still starting",
    "give the bucket more memory if this goes on"
  ],
  [
    "AuthenticationFailureError",
    "the cluster refuses this user and password, or the user may not do this",
    "give the user data_reader and data_writer in the bucket"
  ],
  ["BucketNotFoundError", "there is no such bucket any more", "create it, or correct url"],
  ["ScopeNotFoundError", "there is no such scope any more", "create it, or correct url"],
  ["CollectionNotFoundError", "there is no such collection any more", "create it, or correct url"],
  ["RateLimitedError", "the user is over a rate limit", "raise the limit"],
  ["QuotaLimitedError", "the scope is over its quota", "raise the quota"]
]

/** Whether an error says that a node could not be reached, or did not answer. Its name is shown. */
const isAway = (error: unknown): boolean =>
  isOf(
    error,
    "TimeoutError",
    "AmbiguousTimeoutError",
    "UnambiguousTimeoutError",
    "RequestCanceledError",
    "ServiceNotAvailableError",
    "ConnectionClosedError",
    "ClusterClosedError"
  )

/** An error of the SDK holds keys. Only its name is passed on, which holds none. */
const failureOf = (error: unknown): unknown => {
  if (isOf(error, "ValueTooLargeError")) {
    return new SessionError({
      reason: "TooLarge",
      message: `${backend}: the session is larger than the server's limit: keep less in it, such as ids instead of records`
    })
  }
  const [name, words, advice] = known.find(([name]) => isOf(error, name)) ?? []
  return name !== undefined
    ? new Failure(`${words} (${name})`, advice)
    : isAway(error)
      ? new Failure((error as Error).name, checkBackend)
      : error
}

/**
 * Values that are not binary were stored by someone else: they are read as bytes all the same, and are not sessions.
 */
export const binary: Transcoder = { encode: (value) => [value, binaryFlags], decode: (bytes) => bytes }

/** The mark for bytes of all SDKs (the common flags), with that of the older ones. */
const binaryFlags = (0x03 << 24) | 0x02

/**
 * Calls the SDK. Returns the reason if nothing was done and that is not an error. `lost` is what is done instead if the
 * connection is lost, for a write, which the SDK does not repeat by itself: the node may have made it.
 */
export const attempt = <A extends object>(
  call: () => Promise<A>,
  lost?: (failure: unknown) => Effect.Effect<A | Change, unknown>
): Effect.Effect<A | Change, unknown> =>
  Effect.catch(Effect.tryPromise({ try: call, catch: (error) => error }), (error) => {
    const change = refusal(error)
    const failure = failureOf(error)
    return change !== undefined
      ? Effect.succeed(change)
      : lost !== undefined && isOf(error, "RequestCanceledError", "ConnectionClosedError")
        ? lost(failure)
        : Effect.fail(failure)
  })

/** How values are kept in a collection. */
interface Manner {
  /** Converts to bytes and back. Decoding returns undefined for a value that is not ours. */
  readonly transcoder: Transcoder
  readonly durability: DurabilityLevel
  /** In milliseconds. */
  readonly timeout: number
  /** How many seconds longer the cluster may keep a document, since it has its expiry in it. */
  readonly margin: number
  /** Whether no two values are the same, since each has its revision in it, and its expiry. */
  readonly distinct: boolean
}

/** {@link Manner.margin} for clocks that differ. */
export const aDay = 24 * 60 * 60

export const inCollection = (
  collection: Collection,
  { distinct, durability: durabilityLevel, margin, timeout, transcoder }: Manner,
  capabilities: Capabilities
): CasStore<Cas> => {
  const done = (result: object | Change): Change => (typeof result === "string" ? result : "done")
  const reading = { transcoder, timeout }
  const writing = { ...reading, durabilityLevel }
  const get = (key: string) =>
    Effect.map(
      attempt(() => collection.get(key, reading)),
      (found) =>
        typeof found === "string" || found.content === undefined
          ? undefined
          : { value: found.content as Buffer, token: found.cas }
    )
  /** Makes a write again whose connection was lost, if what is there tells that it was not made. */
  const unlessMade =
    (key: string, cas: Cas | undefined, told: Told, write: () => Promise<object>) => (failure: unknown) =>
      Effect.flatMap(get(key), (found) =>
        settled(String(found?.token) === String(cas), told(found?.value), attempt(write), failure)
      )
  return {
    name: backend,
    capabilities,
    get,
    add: (key, value, ttl) => {
      const insert = () => collection.insert(key, value, { ...writing, expiry: expiryOf(ttl, margin) })
      return Effect.map(
        attempt<object>(insert, unlessMade(key, undefined, ofValue(value, distinct), insert)),
        (result) => done(result) === "done"
      )
    },
    replace: (key, value, ttl, cas) => {
      const replace = () => collection.replace(key, value, { ...writing, expiry: expiryOf(ttl, margin), cas })
      return Effect.map(attempt<object>(replace, unlessMade(key, cas, ofValue(value, distinct), replace)), done)
    },
    removeAt: (key, cas) => {
      const remove = () => collection.remove(key, { timeout, durabilityLevel, cas })
      return Effect.map(attempt<object>(remove, unlessMade(key, cas, ofRemoval, remove)), done)
    },
    remove: (key) => Effect.asVoid(attempt(() => collection.remove(key, { timeout, durabilityLevel })))
  }
}

export const invalid = (message: string) => new SessionError({ reason: "InvalidConfig", message })

/** Turns an error of connecting, or of the first read, into a reason why there are no sessions. */
const notReady = (error: unknown): SessionError => {
  if (isOf(error, "AuthenticationFailureError")) {
    return invalid("url: the cluster refuses this user and password (AuthenticationFailure)")
  }
  if (isOf(error, "BucketNotFoundError", "ScopeNotFoundError", "CollectionNotFoundError")) {
    return invalid(`url: no such bucket, scope or collection (${error.name})`)
  }
  // The SDK waits for a bucket or a collection that does not exist, since it may be about to be created.
  const timedOut = isOf(error, "TimeoutError", "AmbiguousTimeoutError", "UnambiguousTimeoutError")
  return unavailable(
    backend,
    "connect",
    timedOut ? new Failure("no answer", `${checkBackend}, and has this bucket and collection`) : error
  )
}

/** How long closing a cluster may take, in milliseconds. After that, closing goes on in the background. */
const closing = 500

/** Opens a collection of a connected cluster, which is closed with the scope. */
export const opened = (
  address: Address,
  timeout: number,
  options: ConnectOptions = {}
): Effect.Effect<Collection, SessionError, Scope.Scope> =>
  Effect.map(connected(address, timeout, options), (cluster) =>
    cluster.bucket(address.bucket).scope(address.scope).collection(address.collection)
  )

/** Reads a key, to see whether the server answers: opening a bucket sends nothing. */
export const ready = (collection: Collection, key: string, timeout: number): Effect.Effect<void, SessionError> =>
  Effect.tryPromise({ try: () => collection.get(key, { timeout, transcoder: binary }), catch: (error) => error }).pipe(
    Effect.catch((error) => (refusal(error) === undefined ? notReady(error) : Effect.void)),
    Effect.asVoid
  )

const sdk = driver(backend, "couchbase")

/** Connects to a cluster, which is closed with the scope. */
const connected = (
  { connection, password, username }: Address,
  timeout: number,
  options: ConnectOptions
): Effect.Effect<Cluster, SessionError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(sdk, ({ connect }) =>
      connect(connection, {
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        // The SDK's own log of slow operations, which Effect's spans replace.
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
    // Even if the build was given up while it connected.
    (cluster) => {
      const closed = cluster.then((cluster) => cluster.close()).catch(() => {})
      return Effect.promise(() => Promise.race([closed, sleep(closing, undefined, { ref: false })]))
    }
  ).pipe(Effect.flatMap((cluster) => Effect.tryPromise({ try: () => cluster, catch: notReady })))
