/**
 * Couchbase's official SDK for the providers: connecting, values in a collection that are compared and swapped, and the errors it gives.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Cas, Cluster, Collection, ConnectOptions, DurabilityLevel, Transcoder } from "couchbase"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { SessionError, unavailable } from "../../SessionError.js"
import type { CasStore, Change } from "../internal/casProvider.js"
import { driver } from "../internal/driver.js"
import type { Capabilities } from "../Provider.js"
import type { Address } from "./address.js"

export const backend = "couchbase"

/** The largest value, in bytes. */
export const maxValue = 20 * 1024 * 1024

/**
 * The server's clock ticks in seconds and only has to outlive the value's own expiry, so a second more. Above 30 days a number is a
 * date to it, of 32 bits (BinaryProtocol.md of kv_engine, "Expiration"); a `Date` is one to the SDK as well.
 */
export const expiryOf = (ttl: Duration.Duration): number | Date => {
  const seconds = Math.ceil(Duration.toSeconds(ttl)) + 1
  return seconds < 30 * 24 * 60 * 60
    ? seconds
    : new Date(Math.min(Math.floor(Date.now() / 1000) + seconds, 2 ** 32 - 1) * 1000)
}

/** By their names: the SDK is loaded only where it connects, and the app's own collection may be of another copy of it. */
const isOf = (error: unknown, ...names: ReadonlyArray<string>): error is Error =>
  error instanceof Error && names.includes(error.name)

/** Errors that say why nothing was done. */
const refusal = (error: unknown): Change | undefined => {
  if (isOf(error, "DocumentNotFoundError")) {
    return "gone"
  }
  return isOf(error, "CasMismatchError", "DocumentExistsError") ? "changed" : undefined
}

/** An error of the SDK holds keys; its name, which is all that is told of it, does not. */
const failureOf = (error: unknown): unknown =>
  isOf(error, "ValueTooLargeError")
    ? new SessionError({
        reason: "TooLarge",
        message: `${backend}: the session is larger than the server's limit: keep less in it, such as ids instead of records`
      })
    : error

/** What is not binary was put there by someone else: it is still read as bytes, and found to be no session. */
export const binary: Transcoder = { encode: (value) => [value, binaryFlags], decode: (bytes) => bytes }

/** As all SDKs mark bytes (the common flags), and the older ones did. */
const binaryFlags = (0x03 << 24) | 0x02

/** Calls the SDK; answers why nothing was done, where that is no error. */
export const attempt = <A extends object>(call: () => Promise<A>): Effect.Effect<A | Change, unknown> =>
  Effect.catchAll(Effect.tryPromise({ try: call, catch: (error) => error }), (error) => {
    const change = refusal(error)
    return change === undefined ? Effect.fail(failureOf(error)) : Effect.succeed(change)
  })

/** How values are kept in a collection. */
interface Manner {
  /** From bytes and back; it answers nothing for what is no value of ours. */
  readonly transcoder: Transcoder
  readonly durability: DurabilityLevel
  /** In milliseconds. */
  readonly timeout: number
}

export const inCollection = (
  collection: Collection,
  { durability: durabilityLevel, timeout, transcoder }: Manner,
  capabilities: Capabilities
): CasStore<Cas> => {
  const done = (result: object | Change): Change => (typeof result === "string" ? result : "done")
  const reading = { transcoder, timeout }
  const writing = { ...reading, durabilityLevel }
  return {
    name: backend,
    capabilities,
    get: (key) =>
      Effect.map(
        attempt(() => collection.get(key, reading)),
        (found) =>
          typeof found === "string" || found.content === undefined
            ? undefined
            : { value: found.content, token: found.cas }
      ),
    add: (key, value, ttl) =>
      Effect.map(
        attempt(() => collection.insert(key, value, { ...writing, expiry: expiryOf(ttl) })),
        (result) => done(result) === "done"
      ),
    replace: (key, value, ttl, cas) =>
      Effect.map(
        attempt(() => collection.replace(key, value, { ...writing, expiry: expiryOf(ttl), cas })),
        done
      ),
    removeAt: (key, cas) =>
      Effect.map(
        attempt(() => collection.remove(key, { timeout, durabilityLevel, cas })),
        done
      ),
    remove: (key) => Effect.asVoid(attempt(() => collection.remove(key, { timeout, durabilityLevel })))
  }
}

export const invalid = (message: string) => new SessionError({ reason: "InvalidConfig", message })

/** Why there are no sessions to be had: of what the SDK says while it connects, and of the first answer. */
const notReady = (error: unknown): SessionError => {
  if (isOf(error, "AuthenticationFailureError")) {
    return invalid("url: the cluster refuses this user and password (AuthenticationFailure)")
  }
  if (isOf(error, "BucketNotFoundError", "ScopeNotFoundError", "CollectionNotFoundError")) {
    return invalid(`url: no such bucket, scope or collection (${error.name})`)
  }
  // The SDK waits for a bucket or a collection that is not there: it may be about to be made.
  const timedOut = isOf(error, "TimeoutError", "AmbiguousTimeoutError", "UnambiguousTimeoutError")
  return unavailable(backend, "connect", timedOut ? "no answer; are there such a bucket and collection?" : error)
}

/** How long a cluster that is being left may take, in milliseconds. What is not done by then goes on by itself. */
const closing = 500

/** A collection of a connected cluster, which is closed with the scope. */
export const opened = (
  address: Address,
  timeout: number,
  options: ConnectOptions = {}
): Effect.Effect<Collection, SessionError, Scope.Scope> =>
  Effect.map(connected(address, timeout, options), (cluster) =>
    cluster.bucket(address.bucket).scope(address.scope).collection(address.collection)
  )

/** Opening a bucket asks nobody; reading does. */
export const ready = (collection: Collection, key: string, timeout: number): Effect.Effect<void, SessionError> =>
  Effect.tryPromise({ try: () => collection.get(key, { timeout, transcoder: binary }), catch: (error) => error }).pipe(
    Effect.catchAll((error) => (refusal(error) === undefined ? notReady(error) : Effect.void)),
    Effect.asVoid
  )

const sdk = driver(backend, "couchbase")

/** A connected cluster, closed with the scope. */
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
