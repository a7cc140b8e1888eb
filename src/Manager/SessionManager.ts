/**
 * The manager: the life of sessions over one backend. `SessionHttp` mounts it in front of handlers; outside of a request it opens
 * sessions by id.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { SealedSessions } from "../Provider/cookie/SealedSessions.js"
import { SessionProvider, type StoredId } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import * as Codec from "../Store/Codec.js"
import { type BoundFields, bind, Handle } from "../Store/Handle.js"
import type { Any, Session, SessionId } from "../Store/SessionStore.js"
import { type Bounded, bounded, guarded, guardedSealing } from "./Calls.js"
import { commit } from "./Commit.js"
import type { SessionConfig } from "./configSchema.js"
import type { Keeper } from "./Keeper.js"
import { keptByClient } from "./keptByClient.js"
import { keptByServer } from "./keptByServer.js"
import { LiveSession } from "./LiveSession.js"
import { Mounting } from "./mount.js"
import type { Base, Environment } from "./RequestState.js"
import { makeIds } from "./SessionId.js"
import * as Telemetry from "./Telemetry.js"
import { checkHeldByClient, cookieName, makeTransport, type Transport } from "./Transport.js"
import { patience, Turns } from "./Turns.js"
import { makeWarnings } from "./warnings.js"

export {
  /**
   * @since 0.1.0
   * @category models
   */
  SessionEvent
} from "./Telemetry.js"

/**
 * The store's fields, of a store's Tag.
 *
 * @since 0.1.0
 * @category models
 */
export type FieldsOf<S extends Any> = S["fields"]

/**
 * Marks what only this module makes: a `Manager` has more to it than can be seen.
 *
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("effect-session/SessionManager/TypeId")

/**
 * The life of sessions over one backend. Made by {@link make} and the layers, and by nothing else.
 *
 * @since 0.1.0
 * @category models
 */
export interface Manager {
  readonly [TypeId]: unknown
  readonly config: SessionConfig
  /** The backend's name, such as `redis`. */
  readonly backend: string
  /** How many sessions are live. Fails with `Unsupported` if the backend cannot tell. */
  readonly count: Effect.Effect<number, SessionError>
  /** The live sessions, by the ids that the backend knows. Fails with `Unsupported` if the backend cannot tell. */
  readonly list: Stream.Stream<StoredId, SessionError>
  /** Removes expired sessions now, and returns how many. A backend that expires by itself returns 0. */
  readonly gc: Effect.Effect<number, SessionError>
  /** What happens to sessions in this process, from now on. */
  readonly events: Stream.Stream<Telemetry.SessionEvent>
}

/** What a manager has besides. @internal */
export interface Internals {
  readonly environment: Environment
  readonly transport: Transport
  readonly mounting: Mounting
  /** The handle of a store on a session. */
  readonly handle: <S extends Any>(store: S, session: LiveSession) => Session<FieldsOf<S>>
}

/** @internal */
export const internals = (manager: Manager): Internals => manager[TypeId] as Internals

/**
 * @since 0.1.0
 * @category tags
 */
export class SessionManager extends Context.Tag("effect-session/SessionManager")<SessionManager, Manager>() {}

/**
 * A manager over the provider in its context.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  config: SessionConfig,
  codec: Codec.SessionCodec = Codec.json
): Effect.Effect<Manager, SessionError, SessionProvider> =>
  Effect.map(SessionProvider, (provider) => {
    const inTime = bounded({ name: provider.name, ...provider.capabilities }, config.timeout)
    return over(keptByServer(guarded(provider, inTime), config), config, codec, inTime)
  })

/** A manager of sessions that clients hold. Fails with `InvalidConfig` if the configuration leaves them no way to. */
const makeSealed = (
  config: SessionConfig,
  codec: Codec.SessionCodec
): Effect.Effect<Manager, SessionError, SealedSessions> =>
  Effect.flatMap(SealedSessions, (sealing) => {
    const wrong = checkHeldByClient(config)
    const inTime = bounded(sealing, config.timeout)
    const { make: makeId } = makeIds(config, { inheritedIdChars: 0 })
    return wrong === undefined
      ? Effect.succeed(
          over(keptByClient(guardedSealing(sealing, inTime), cookieName(config), config, makeId), config, codec, inTime)
        )
      : Effect.fail(wrong)
  })

/** A manager over what keeps its sessions. */
const over = (keeper: Keeper, config: SessionConfig, codec: Codec.SessionCodec, inTime: Bounded): Manager => {
  const telemetry = Telemetry.make(keeper.name)
  const waiting = patience(keeper.name, config.timeout)
  const turns = new Turns<Base>(waiting)
  const environment: Environment = {
    config,
    keeper,
    codec,
    telemetry,
    turns,
    patience: waiting,
    bounded: inTime,
    commit
  }
  const transport = makeTransport(config, keeper)
  const own: Internals = {
    environment,
    transport,
    mounting: new Mounting(environment, transport, makeWarnings(config)),
    handle: handles(codec)
  }
  const unsupported = (what: string) =>
    new SessionError({ reason: "Unsupported", message: `${keeper.name}: this backend cannot ${what} its sessions` })
  const collected = (count: number) => (count > 0 ? Effect.sync(() => telemetry.collected(count)) : Effect.void)
  const manager: Omit<Manager, typeof TypeId> = {
    config,
    backend: keeper.name,
    count: Effect.tap(keeper.count ?? Effect.fail(unsupported("count")), (count) =>
      Effect.sync(() => telemetry.live(count))
    ),
    list: keeper.list ?? Stream.fail(unsupported("list")),
    gc: Effect.tap(keeper.gc ?? Effect.succeed(0), collected),
    events: telemetry.events
  }
  // Not enumerable: what a log or a debugger shows of a manager is what its users see.
  return Object.defineProperty(manager, TypeId, { value: own }) as Manager
}

/** Makes handles, with each store's fields compiled once. */
const handles = (codec: Codec.SessionCodec): Internals["handle"] => {
  const bound = new WeakMap<Any, BoundFields>()
  return (store, session) => {
    let fields = bound.get(store)
    if (fields === undefined) {
      fields = bind(store, codec)
      bound.set(store, fields)
    }
    return new Handle(session, fields)
  }
}

/** A manager with a fiber that collects expired sessions for as long as its scope is open. */
const running = <E, R>(
  config: Effect.Effect<SessionConfig, E>,
  make: (config: SessionConfig) => Effect.Effect<Manager, SessionError, R>
): Effect.Effect<Manager, E | SessionError, R | Scope.Scope> =>
  Effect.tap(Effect.flatMap(config, make), (manager) =>
    Effect.zipRight(
      hideHeader(manager.config),
      internals(manager).environment.keeper.gc === undefined
        ? Effect.void
        : manager.gc.pipe(
            Effect.catchAllCause((cause) => Effect.logWarning("session garbage collection failed", cause)),
            Effect.schedule(Schedule.jittered(Schedule.spaced(manager.config.gcInterval))),
            // Also if the layer is built where nothing can be interrupted: its scope has to close.
            Effect.interruptible,
            Effect.forkScoped
          )
    )
  )

/** The header that carries ids is shown in no span of the server that the layer is provided to, as cookies are not. */
const hideHeader = ({ header }: SessionConfig): Effect.Effect<void, never, Scope.Scope> =>
  header === false
    ? Effect.void
    : Effect.locallyScopedWith(Headers.currentRedactedNames, (names) => [...names, header.toLowerCase()])

/**
 * A manager over the provider that is given to it, with a fiber that collects expired sessions for as long as the layer is in use.
 * Fails as the making of its configuration does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E>(
  config: Effect.Effect<SessionConfig, E>,
  codec: Codec.SessionCodec = Codec.json
): Layer.Layer<SessionManager, E | SessionError, SessionProvider> =>
  Layer.scoped(
    SessionManager,
    running(config, (config) => make(config, codec))
  )

/**
 * A manager of sessions that clients hold, as what is given to it seals them. Fails as the making of its configuration does, and with
 * `InvalidConfig` if the configuration leaves clients no way to hold a session.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSealed = <E>(
  config: Effect.Effect<SessionConfig, E>,
  codec: Codec.SessionCodec = Codec.json
): Layer.Layer<SessionManager, E | SessionError, SealedSessions> =>
  Layer.scoped(
    SessionManager,
    running(config, (config) => makeSealed(config, codec))
  )

/**
 * Opens a live session outside of its requests: in a job, on a socket, in a test. Changes are stored only when you call `session.save`.
 * Fails with `NotFound` if no live session has the id, and with `Unsupported` if clients hold the sessions.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { SessionManager, SessionStore } from "effect-session"
 *
 * class Cart extends SessionStore.Tag<Cart>()("Cart", { paid: Schema.Boolean }) {}
 *
 * const markPaid = (id: SessionStore.SessionId) =>
 *   Effect.gen(function* () {
 *     const cart = yield* SessionManager.open(Cart, id)
 *     yield* cart.set("paid", true)
 *     yield* cart.save
 *   })
 *
 * @since 0.1.0
 * @category accessors
 */
export const open = <S extends Any>(
  store: S,
  id: SessionId
): Effect.Effect<Session<FieldsOf<S>>, SessionError, SessionManager> =>
  Effect.flatMap(SessionManager, (manager) => {
    const { environment, handle } = internals(manager)
    if (environment.keeper.endRef === undefined) {
      return heldByClient(manager, "open")
    }
    const session = detached(environment, id)
    return Effect.flatMap(session.load, () =>
      session.base === undefined
        ? Effect.fail(new SessionError({ reason: "NotFound", message: "open: no live session has this id" }))
        : Effect.succeed(handle(store, session))
    )
  })

/**
 * Ends a session by its id, or by the id under which the backend keeps it (as `list` gives it). Ending one that does not exist
 * succeeds. Fails with `Unsupported` where clients hold the sessions.
 *
 * @since 0.1.0
 * @category accessors
 */
export const destroy = (id: SessionId | StoredId): Effect.Effect<void, SessionError, SessionManager> =>
  Effect.flatMap(SessionManager, (manager) => {
    const { environment } = internals(manager)
    const { keeper, telemetry } = environment
    if (keeper.endRef === undefined) {
      return heldByClient(manager, "destroy")
    }
    if (typeof id === "string") {
      return Effect.map(keeper.endRef(id), () => telemetry.emit("Destroyed", id))
    }
    const session = detached(environment, id)
    return Effect.zipRight(session.destroy, session.save)
  })

const heldByClient = ({ backend }: Manager, operation: string) =>
  Effect.fail(
    new SessionError({
      reason: "Unsupported",
      message: `${backend}: ${operation}: the client holds the session; only a request that brings it can use or end it`
    })
  )

/** A session without a request. */
const detached = (environment: Environment, id: SessionId): LiveSession => {
  const token = Redacted.value(id)
  const session = new LiveSession(
    environment,
    environment.keeper.accepts(token) ? { tokens: [token], more: false, doubled: false, via: "cookie" } : undefined
  )
  session.stage = "socket"
  return session
}

const accessor = <A, E>(f: (manager: Manager) => Effect.Effect<A, E>): Effect.Effect<A, E, SessionManager> =>
  Effect.flatMap(SessionManager, f)

/**
 * The number of live sessions. Fails with `Unsupported` if the backend cannot count.
 *
 * @since 0.1.0
 * @category accessors
 */
export const count: Effect.Effect<number, SessionError, SessionManager> = accessor((manager) => manager.count)

/**
 * The ids of the live sessions, as the backend keeps them. Fails with `Unsupported` if it cannot list.
 *
 * @since 0.1.0
 * @category accessors
 */
export const list: Stream.Stream<StoredId, SessionError, SessionManager> = Stream.unwrap(
  Effect.map(SessionManager, (manager) => manager.list)
)

/**
 * Removes expired sessions now, and returns their number.
 *
 * @since 0.1.0
 * @category accessors
 */
export const gc: Effect.Effect<number, SessionError, SessionManager> = accessor((manager) => manager.gc)

/**
 * A stream of what happens to sessions in this process.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { SessionManager } from "effect-session"
 *
 * const audit = Stream.runForEach(SessionManager.events, (event) =>
 *   event._tag === "Collected" ? Effect.log("expired", event.count) : Effect.log(event._tag, event.session)
 * )
 *
 * @since 0.1.0
 * @category accessors
 */
export const events: Stream.Stream<Telemetry.SessionEvent, never, SessionManager> = Stream.unwrap(
  Effect.map(SessionManager, (manager) => manager.events)
)
