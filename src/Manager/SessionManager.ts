/**
 * The manager, which creates, reads, saves and ends the sessions of one backend. `SessionHttp` mounts it in front of
 * handlers; outside of a request it opens sessions by id.
 *
 * @since 3.0.0
 */
import { layerHiding } from "#dialect/headers"
import * as Effect from "#effect/Effect"
import type * as Layer from "#effect/Layer"
import type * as Scope from "#effect/Scope"
import * as Stream from "#effect/Stream"
import type { SealedSessions } from "../Provider/cookie/SealedSessions.js"
import type { SessionProvider, StoredId } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { SessionCodec } from "../Store/Codec.js"
import { type Manager, overProvider, overSealed, running } from "./Manager.js"
import type { Options } from "./options.js"
import * as SessionConfig from "./SessionConfig.js"
import { SessionManager } from "./service.js"
import type { SessionEvent } from "./Telemetry.js"

export {
  /**
   * @since 3.0.0
   * @category accessors
   */
  destroy,
  /**
   * @since 3.0.0
   * @category accessors
   */
  nameOf,
  /**
   * @since 3.0.0
   * @category accessors
   */
  open
} from "./byId.js"
export {
  /**
   * @since 3.0.0
   * @category models
   */
  type Manager,
  /**
   * @since 3.0.0
   * @category symbols
   */
  TypeId
} from "./Manager.js"
export {
  /**
   * @since 3.0.0
   * @category people
   */
  ended
} from "./people/ended.js"
export {
  /**
   * @since 3.0.0
   * @category people
   */
  endAll,
  /**
   * @since 3.0.0
   * @category people
   */
  endEverything,
  /**
   * @since 3.0.0
   * @category people
   */
  endOthers,
  /**
   * @since 3.0.0
   * @category people
   */
  endSession,
  /**
   * @since 3.0.0
   * @category models
   */
  type SignedIn,
  /**
   * @since 3.0.0
   * @category people
   */
  sessionsOf
} from "./people/sessionsOf.js"
export {
  /**
   * @since 3.0.0
   * @category tags
   */
  SessionManager
} from "./service.js"
export type {
  /**
   * @since 3.0.0
   * @category models
   */
  Signal,
  /**
   * @since 3.0.0
   * @category models
   */
  Signals
} from "./signals.js"
export {
  /**
   * @since 3.0.0
   * @category models
   */
  SessionEvent
} from "./Telemetry.js"

/**
 * Makes a manager over the provider in the context, without the trial of a layer ({@link health}) and without a fiber
 * that removes expired sessions. Fails with `InvalidConfig` if an option is wrong.
 *
 * @example
 * import { Effect } from "effect"
 * import { SessionManager } from "effect-session"
 * import * as Memory from "effect-session/memory"
 *
 * const manager = SessionManager.make({ idleTimeout: "15 minutes" }).pipe(Effect.provide(Memory.layer()))
 *
 * @since 3.0.0
 * @category constructors
 */
export const make = (
  options: Options = {},
  codec?: SessionCodec
): Effect.Effect<Manager, SessionError, SessionProvider> =>
  Effect.flatMap(SessionConfig.make(options), (config) => overProvider(config, codec))

/**
 * Provides a manager whose backend takes sessions, with a fiber that removes expired ones, and hides what carries ids
 * from spans. @internal
 */
export const layerOf = <E, R>(
  made: Effect.Effect<Manager, E, R>
): Layer.Layer<SessionManager, E | SessionError, Exclude<R, Scope.Scope>> =>
  layerHiding(SessionManager, running(made), ({ config }) => config)

/**
 * Provides a manager over the provider in the layer's context, and removes expired sessions in a fiber for as long as
 * the layer is in use. Fails with `InvalidConfig` if an option is wrong, and with the backend's error if it does not
 * take a session (see {@link health}).
 *
 * @example
 * import { Layer } from "effect"
 * import { SessionManager } from "effect-session"
 * import * as Memory from "effect-session/memory"
 *
 * const SessionLive = SessionManager.layer({ idleTimeout: "15 minutes" }).pipe(Layer.provide(Memory.layer()))
 *
 * @since 3.0.0
 * @category layers
 */
export const layer = (
  options: Options = {},
  codec?: SessionCodec
): Layer.Layer<SessionManager, SessionError, SessionProvider> =>
  layerOf(Effect.flatMap(configOf(options), (config) => overProvider(config, codec)))

/**
 * Provides a manager of sessions that clients hold in sealed cookies. Fails with `InvalidConfig` if an option is wrong,
 * or if the options leave no way to keep a session in cookies, and with the error of the provider of revocations if it
 * takes none.
 *
 * @example
 * import { Layer, type Redacted } from "effect"
 * import { SessionManager } from "effect-session"
 * import * as Cookie from "effect-session/cookie"
 *
 * const sealedWith = (key: Redacted.Redacted<string>) =>
 *   SessionManager.layerSealed({ idleTimeout: "15 minutes" }).pipe(Layer.provide(Cookie.layer({ keys: [key] })))
 *
 * @since 3.0.0
 * @category layers
 */
export const layerSealed = (
  options: Options = {},
  codec?: SessionCodec
): Layer.Layer<SessionManager, SessionError, SealedSessions> =>
  layerOf(Effect.flatMap(configOf(options), (config) => overSealed(config, codec)))

const configOf = (options: Options) => Effect.tap(SessionConfig.make(options), SessionConfig.warn)

const accessor = <A, E>(f: (manager: Manager) => Effect.Effect<A, E>): Effect.Effect<A, E, SessionManager> =>
  Effect.flatMap(SessionManager, f)

/**
 * Counts the live sessions. Fails with `Unsupported` if the backend cannot count.
 *
 * @since 3.0.0
 * @category accessors
 */
export const count: Effect.Effect<number, SessionError, SessionManager> = accessor((manager) => manager.count)

/**
 * Streams the stored ids of the live sessions. Fails with `Unsupported` if the backend cannot list.
 *
 * @since 3.0.0
 * @category accessors
 */
export const list: Stream.Stream<StoredId, SessionError, SessionManager> = Stream.unwrap(
  Effect.map(SessionManager, (manager) => manager.list)
)

/**
 * Removes expired sessions now, and returns their number.
 *
 * @since 3.0.0
 * @category accessors
 */
export const gc: Effect.Effect<number, SessionError, SessionManager> = accessor((manager) => manager.gc)

/**
 * Proves that the backend takes sessions: creates one, changes it, gives it another id and ends it, and makes and
 * removes a record of a person, all within the configured `timeout`. Fails with what the backend reports. It makes no
 * event, metric or span, and a backend in this process's memory is not asked. It is for a readiness probe, and not for
 * the public: it costs some ten calls.
 *
 * @example
 * import { Effect } from "effect"
 * import { HttpServerResponse } from "effect/http"
 * import { SessionManager } from "effect-session"
 *
 * const ready = Effect.match(SessionManager.health, {
 *   onFailure: ({ message }) => HttpServerResponse.text(message, { status: 503 }),
 *   onSuccess: () => HttpServerResponse.empty({ status: 204 })
 * })
 *
 * @since 3.0.0
 * @category accessors
 */
export const health: Effect.Effect<void, SessionError, SessionManager> = accessor((manager) => manager.health)

/**
 * Streams the events of this manager's sessions in this process, from the subscription on.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { SessionManager } from "effect-session"
 *
 * const audit = Stream.runForEach(SessionManager.events, (event) =>
 *   event._tag === "Collected" ? Effect.log("expired", event.count) : Effect.log(event._tag, event.session)
 * )
 *
 * @since 3.0.0
 * @category accessors
 */
export const events: Stream.Stream<SessionEvent, never, SessionManager> = Stream.unwrap(
  Effect.map(SessionManager, (manager) => manager.events)
)
