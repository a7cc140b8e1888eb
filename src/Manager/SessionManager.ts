/**
 * The manager: the life of sessions over one backend. `SessionHttp` mounts it in front of handlers; outside of a request it opens
 * sessions by id.
 *
 * @since 0.1.0
 */
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { SessionProvider, type StoredId } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import * as Codec from "../Store/Codec.js"
import { type BoundFields, bind, Handle } from "../Store/Handle.js"
import type { Any, Session, SessionId } from "../Store/SessionStore.js"
import { bounded, patience, traced } from "./Calls.js"
import { commit } from "./Commit.js"
import { hashing } from "./hashing.js"
import { type Environment, LiveSession } from "./LiveSession.js"
import type * as SessionConfig from "./SessionConfig.js"
import { makeIds } from "./SessionId.js"
import * as Telemetry from "./Telemetry.js"
import { checkHeldByClient, makeTransport, type Transport } from "./Transport.js"
import { Turns } from "./Turns.js"

export type {
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
 * @since 0.1.0
 * @category models
 */
export interface Manager {
  readonly config: SessionConfig.SessionConfig
  /** The provider's name, such as `redis`. */
  readonly backend: string
  /** @internal */
  readonly environment: Environment
  /** @internal */
  readonly transport: Transport
  /** The handle of a store on a session. @internal */
  readonly handle: <S extends Any>(store: S, session: LiveSession) => Session<FieldsOf<S>>
  /** The session of a request: the same one however often it is asked for. @internal */
  readonly ofRequest: (request: HttpServerRequest) => LiveSession
  /** How many sessions are live. Fails with `Unsupported` where the backend cannot tell. */
  readonly active: Effect.Effect<number, SessionError>
  /** The live sessions, by the ids that the backend knows. Fails with `Unsupported` where the backend cannot tell. */
  readonly list: Stream.Stream<StoredId, SessionError>
  /** Removes expired sessions now, and answers how many. A backend that expires by itself answers 0. */
  readonly gc: Effect.Effect<number, SessionError>
  /** What happens to sessions in this process, from now on. */
  readonly events: Stream.Stream<Telemetry.SessionEvent>
}

/**
 * @since 0.1.0
 * @category tags
 */
export class SessionManager extends Context.Tag("effect-session/SessionManager")<SessionManager, Manager>() {}

/**
 * Fails with `InvalidConfig` where clients hold the sessions and the configuration leaves them no way to.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  config: SessionConfig.SessionConfig,
  codec: Codec.SessionCodec = Codec.json
): Effect.Effect<Manager, SessionError, SessionProvider> =>
  Effect.gen(function* () {
    const backend = yield* SessionProvider
    const inTime = bounded(backend, config.timeout)
    const ids = makeIds(config, backend.capabilities)
    const provider = hashing(traced(backend, inTime), ids)
    const waiting = patience(backend.name, config.timeout)
    const { heldBy } = provider.capabilities
    const wrong = heldBy === "client" ? checkHeldByClient(config) : undefined
    if (wrong !== undefined) {
      return yield* Effect.fail(wrong)
    }
    const telemetry = Telemetry.make()
    const environment: Environment = {
      config,
      provider,
      codec,
      ids,
      telemetry,
      turns: new Turns(waiting),
      bounded: inTime,
      patience: waiting
    }
    const transport = makeTransport(config, heldBy)
    const bound = new WeakMap<Any, BoundFields>()
    // On the request itself, as a property of this manager's own: a WeakMap makes the garbage collector work for each request.
    const key = Symbol("effect-session")
    const unsupported = (what: string) =>
      new SessionError({ reason: "Unsupported", message: `${provider.name}: this backend cannot ${what} its sessions` })

    return {
      config,
      backend: provider.name,
      environment,
      transport,
      handle: (store, session) => {
        let fields = bound.get(store)
        if (fields === undefined) {
          fields = bind(store, codec)
          bound.set(store, fields)
        }
        return new Handle(session, fields)
      },
      ofRequest: (request) => {
        // Keyed by the source: routers and middlewares make new request objects around it.
        const source = request.source as { [key]?: LiveSession }
        let session = source[key]
        if (session === undefined) {
          const id = transport.read(request)
          session = new LiveSession(environment, id !== undefined && environment.ids.check(id) ? id : undefined)
          if (request.headers["upgrade"]?.toLowerCase() === "websocket") {
            session.phase = "socket"
          }
          source[key] = session
        }
        return session
      },
      active: Effect.tap(provider.count ?? Effect.fail(unsupported("count")), (count) =>
        Telemetry.active(Effect.succeed(count))
      ),
      list: provider.ids ?? Stream.fail(unsupported("list")),
      gc: Effect.tap(provider.gc ?? Effect.succeed(0), (count) =>
        Effect.sync(() => {
          if (count > 0) {
            telemetry.emit("Collected", undefined, { count })
          }
        })
      ),
      events: telemetry.events
    }
  })

/**
 * A manager over the provider that is given to it, with a fiber that collects expired sessions for as long as the layer is in use.
 * Fails as the making of its configuration does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E>(
  config: Effect.Effect<SessionConfig.SessionConfig, E>,
  codec: Codec.SessionCodec = Codec.json
): Layer.Layer<SessionManager, E | SessionError, SessionProvider> =>
  Layer.scoped(
    SessionManager,
    Effect.tap(
      Effect.flatMap(config, (config) => make(config, codec)),
      (manager) =>
        manager.environment.provider.gc === undefined
          ? Effect.void
          : manager.gc.pipe(
              Effect.catchAllCause((cause) => Effect.logWarning("session garbage collection failed", cause)),
              Effect.schedule(Schedule.jittered(Schedule.spaced(manager.config.gcInterval))),
              Effect.forkScoped
            )
    )
  )

/**
 * Opens a live session outside of its requests: in a job, on a socket, in a test. What is changed is stored by `session.save`, and
 * by nothing else. Fails with `NotFound` where no live session has the id, and with `Unsupported` where clients hold the sessions.
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
    if (manager.environment.provider.capabilities.heldBy === "client") {
      return heldByClient(manager, "open")
    }
    const session = detached(manager, id)
    return Effect.flatMap(session.load, () =>
      session.known === undefined
        ? Effect.fail(new SessionError({ reason: "NotFound", message: "open: no live session has this id" }))
        : Effect.succeed(manager.handle(store, session))
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
    if (manager.environment.provider.capabilities.heldBy === "client") {
      return heldByClient(manager, "destroy")
    }
    const session = detached(manager, typeof id === "string" ? undefined : id)
    session.ended = typeof id === "string" ? id : session.storedId
    return manager.environment.bounded(commit(session))
  })

const heldByClient = ({ backend }: Manager, operation: string) =>
  Effect.fail(
    new SessionError({
      reason: "Unsupported",
      message: `${backend}: ${operation}: the client holds the session; only a request that brings it can use or end it`
    })
  )

/** A session without a request. */
const detached = ({ environment }: Manager, id: SessionId | undefined): LiveSession => {
  const raw = id === undefined ? undefined : Redacted.value(id)
  const session = new LiveSession(environment, raw !== undefined && environment.ids.check(raw) ? raw : undefined)
  session.phase = "socket"
  return session
}

const accessor = <A, E>(f: (manager: Manager) => Effect.Effect<A, E>): Effect.Effect<A, E, SessionManager> =>
  Effect.flatMap(SessionManager, f)

/**
 * As `Manager.active`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const active: Effect.Effect<number, SessionError, SessionManager> = accessor((manager) => manager.active)

/**
 * As `Manager.list`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const list: Stream.Stream<StoredId, SessionError, SessionManager> = Stream.unwrap(
  Effect.map(SessionManager, (manager) => manager.list)
)

/**
 * As `Manager.gc`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const gc: Effect.Effect<number, SessionError, SessionManager> = accessor((manager) => manager.gc)

/**
 * As `Manager.events`.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { SessionManager } from "effect-session"
 *
 * const audit = Stream.runForEach(SessionManager.events, (event) => Effect.log(event._tag, event.session))
 *
 * @since 0.1.0
 * @category accessors
 */
export const events: Stream.Stream<Telemetry.SessionEvent, never, SessionManager> = Stream.unwrap(
  Effect.map(SessionManager, (manager) => manager.events)
)
