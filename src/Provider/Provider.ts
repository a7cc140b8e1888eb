/**
 * Providers: the contract of a backend, its tag, and how to make one. A provider keeps opaque payloads under ids for a
 * limited time. It knows nothing of fields, HTTP or cookies. `docs/writing-a-provider.md` explains how to write one;
 * `effect-session/testing` holds the conformance suite that each provider passes.
 *
 * @since 3.0.0
 */
import * as Cause from "#effect/Cause"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Stream from "#effect/Stream"
import { fromCause, type SessionError, tooLarge } from "../SessionError.js"
import type {
  Backend,
  Calls,
  Capabilities,
  Conflict,
  Exists,
  Gone,
  Provider,
  Records,
  Revision,
  Stored,
  StoredId,
  Touched,
  Written
} from "./contract.js"

export type * from "./contract.js"

/**
 * The tag of the backend that the session manager uses.
 *
 * @example
 * import { Effect } from "effect"
 * import { SessionProvider } from "effect-session"
 *
 * const backend = Effect.map(SessionProvider.SessionProvider, (provider) => provider.name)
 *
 * @since 3.0.0
 * @category tags
 */
export class SessionProvider extends Context.Service<SessionProvider, Provider>()("effect-session/SessionProvider") {}

/**
 * The capabilities of a server-side backend with compare-and-set and exact expiry. A provider overrides those in which
 * it differs.
 *
 * @since 3.0.0
 * @category constructors
 */
export const defaultCapabilities: Capabilities = {
  consistency: "compareAndSet",
  regenerate: "atomic",
  durable: true,
  inProcess: false,
  answersWithin: Number.POSITIVE_INFINITY,
  maxPayload: 16 * 1024 * 1024,
  expirySlack: 0,
  inheritedIdChars: 0
}

/**
 * The name of an operation: one of sessions, or of the records of people.
 *
 * @since 3.0.0
 * @category models
 */
export type Operation = Exclude<keyof Calls<unknown>, "principals"> | `principals.${keyof Records<unknown>}`

/**
 * Maps every operation with `call`, which is called once per operation, and the listing with `list`.
 *
 * @example
 * import { Effect } from "effect"
 * import { SessionProvider } from "effect-session"
 *
 * const logged = (provider: SessionProvider.Provider): SessionProvider.Provider => ({
 *   ...provider,
 *   ...SessionProvider.mapCalls(
 *     provider,
 *     (operation) => Effect.tapError((error) => Effect.logDebug(operation, error.reason)),
 *     (list) => list
 *   )
 * })
 *
 * @since 3.0.0
 * @category combinators
 */
export const mapCalls = <E, E2 = E>(
  calls: Calls<E>,
  call: (operation: Operation) => <A>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E2>,
  list: (list: Stream.Stream<StoredId, E>) => Stream.Stream<StoredId, E2>
): Calls<E2> => {
  const [read, create, write, touch, exists, destroy, regenerate, marked] = [
    call("read"),
    call("create"),
    call("write"),
    call("touch"),
    call("exists"),
    call("destroy"),
    call("regenerate"),
    call("marked")
  ]
  return {
    read: (id) => read(calls.read(id)),
    create: (id, payload, ttl, signedIn) => create(calls.create(id, payload, ttl, signedIn)),
    write: (id, payload, ttl, revision) => write(calls.write(id, payload, ttl, revision)),
    touch: (id, ttl) => touch(calls.touch(id, ttl)),
    exists: (id) => exists(calls.exists(id)),
    destroy: (id, mark) => destroy(calls.destroy(id, mark)),
    regenerate: (move) => regenerate(calls.regenerate(move)),
    marked: calls.marked && ((id) => marked(calls.marked!(id))),
    principals: calls.principals && mapRecords(calls.principals, call),
    changed: calls.changed && mapped(calls.changed, call("changed")),
    count: calls.count && call("count")(calls.count),
    list: calls.list && list(calls.list),
    gc: calls.gc && call("gc")(calls.gc)
  }
}

const mapped =
  <E, E2>(
    changed: (id: StoredId) => Effect.Effect<void, E>,
    call: (effect: Effect.Effect<void, E>) => Effect.Effect<void, E2>
  ) =>
  (id: StoredId) =>
    call(changed(id))

const mapRecords = <E, E2>(
  records: Records<E>,
  call: (operation: Operation) => <A>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E2>
): Records<E2> => {
  const [read, create, write, destroy] = [
    call("principals.read"),
    call("principals.create"),
    call("principals.write"),
    call("principals.destroy")
  ]
  return {
    read: (id) => read(records.read(id)),
    create: (id, payload, ttl) => create(records.create(id, payload, ttl)),
    write: (id, payload, ttl, revision) => write(records.write(id, payload, ttl, revision)),
    destroy: (id) => destroy(records.destroy(id))
  }
}

/**
 * Makes a provider from the operations of a backend, which may fail with anything, such as the rejections of a driver's
 * promises. A payload over `capabilities.maxPayload` fails with `TooLarge` before it reaches `create`, `write` or
 * `regenerate`. Any other failure becomes `Unavailable`, with a message that names the backend, the operation, and the
 * `code` or else the name of an error. The rest of it can hold ids and values, and so can a string: they are not shown.
 * A `SessionError` stays as it is, so fail with one to use words of your own.
 *
 * @example
 * import { Effect, Option } from "effect"
 * import { SessionProvider } from "effect-session"
 *
 * declare const client: {
 *   readonly find: (id: string) => Promise<SessionProvider.Stored | undefined>
 *   readonly remove: (id: string) => Promise<void>
 * }
 * declare const rest: Omit<SessionProvider.Calls<unknown>, "read" | "destroy">
 *
 * const provider = SessionProvider.make({
 *   ...rest,
 *   name: "mine",
 *   capabilities: { ...SessionProvider.defaultCapabilities, maxPayload: 64 * 1024 },
 *   // If it rejects: "mine: read failed (ECONNREFUSED): check that the backend is up and reachable"
 *   read: (id) => Effect.map(Effect.tryPromise(() => client.find(id)), Option.fromNullishOr),
 *   destroy: (id) => Effect.tryPromise(() => client.remove(id))
 * })
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (backend: Backend): Provider => {
  const { capabilities, name } = backend
  const { maxPayload } = capabilities
  const calls = mapCalls(
    backend,
    (operation) => {
      const toError = fromCause(name, operation)
      // With `mapError` a call that succeeds takes some 0.3 µs more.
      return Effect.catchCause((cause) => Effect.failCause(Cause.map(cause, toError)))
    },
    Stream.mapError(fromCause(name, "list"))
  )
  const within = <A>(
    payload: Uint8Array,
    call: () => Effect.Effect<A, SessionError>
  ): Effect.Effect<A, SessionError> =>
    payload.length > maxPayload ? Effect.fail(tooLarge(name, payload.length, maxPayload)) : call()
  const bounded = ({ create, write }: Pick<Calls<SessionError>, "create" | "write">) => ({
    create: ((id, payload, ...rest) => within(payload, () => create(id, payload, ...rest))) satisfies typeof create,
    write: ((id, payload, ...rest) => within(payload, () => write(id, payload, ...rest))) satisfies typeof write
  })
  return {
    ...calls,
    name,
    capabilities,
    ...bounded(calls),
    principals: calls.principals && { ...calls.principals, ...bounded(calls.principals) },
    regenerate: (move) => within(move.payload, () => calls.regenerate(move))
  }
}

/**
 * The `Gone` result.
 *
 * @since 3.0.0
 * @category constructors
 */
export const gone: Gone = { _tag: "Gone" }

/**
 * The `Exists` result.
 *
 * @since 3.0.0
 * @category constructors
 */
export const exists: Exists = { _tag: "Exists" }

/**
 * Makes a `Written` result. `expiresAt` is in milliseconds since the epoch.
 *
 * @since 3.0.0
 * @category constructors
 */
export const written = (revision: string, expiresAt: number): Written => ({
  _tag: "Written",
  revision: revision as Revision,
  expiresAt
})

/**
 * Makes a `Touched` result. `expiresAt` is in milliseconds since the epoch.
 *
 * @since 3.0.0
 * @category constructors
 */
export const touched = (expiresAt: number): Touched => ({ _tag: "Touched", expiresAt })

/**
 * Makes a `Conflict` result, with the current session if the backend has just read it.
 *
 * @since 3.0.0
 * @category constructors
 */
export const conflict = (current?: Stored): Conflict => ({ _tag: "Conflict", current })

export {
  /**
   * Makes the error of a payload that is larger than the backend's limit.
   *
   * @since 3.0.0
   * @category constructors
   */
  tooLarge,
  /**
   * Makes the error of a backend call that failed. Of an error, only its code or name is shown.
   *
   * @since 3.0.0
   * @category constructors
   */
  unavailable
} from "../SessionError.js"
