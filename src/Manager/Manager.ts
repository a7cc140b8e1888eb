/**
 * Makes a manager: over a provider or over sealed cookies, and with a fiber that removes expired sessions.
 */
import { adding } from "#dialect/runtime"
import type * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as Schedule from "#effect/Schedule"
import type * as Scope from "#effect/Scope"
import * as Stream from "#effect/Stream"
import { SealedSessions } from "../Provider/cookie/SealedSessions.js"
import { type Provider, SessionProvider, type StoredId } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import { type BoundFields, bind, type Draft, orDefault, read } from "../Store/BoundField.js"
import * as Codec from "../Store/Codec.js"
import { Handle } from "../Store/Handle.js"
import type { Any, FieldsOf, Session } from "../Store/SessionStore.js"
import { makeAtRest } from "./atRest.js"
import { deviceOf } from "./bound/binding.js"
import { type Backend, bounded, guarded, guardedSealing, type Surroundings } from "./Calls.js"
import { makeCaches } from "./caches.js"
import { checkKeeper, checkMoving, checkMovingOwn, checkOnClient, checkOnServer } from "./checks.js"
import type { SessionConfig } from "./configSchema.js"
import { makeCrossOrigin } from "./crossOrigin.js"
import type { Environment } from "./Environment.js"
import type { Keeper } from "./Keeper.js"
import { keptByClient } from "./keptByClient.js"
import { keptByServer } from "./keptByServer.js"
import type { LiveSession } from "./LiveSession.js"
import { Mounting } from "./mount.js"
import { checkIds, elsewhere, type From } from "./moving/otherLayout.js"
import { atBoth } from "./moving/ownLayout.js"
import { answers, apart, newPlace } from "./moving/twoPlaces.js"
import type { Base } from "./Outcome.js"
import { People } from "./people/People.js"
import { makeReports } from "./reports.js"
import { makeIds } from "./SessionId.js"
import { makeClients } from "./signals.js"
import * as Telemetry from "./Telemetry.js"
import { cookieName, makeTransport } from "./Transport.js"
import { patience, Turns } from "./Turns.js"
import { makeTrial } from "./trial.js"
import { UnderWay } from "./underWay.js"
import { makeWarnings } from "./warnings.js"

/**
 * Marks a manager that this module made: it has internal parts that its interface does not show.
 *
 * @since 3.0.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("effect-session/SessionManager/TypeId")

/**
 * A manager of the sessions of one backend. Only `make` and the layers make one.
 *
 * @since 3.0.0
 * @category models
 */
export interface Manager {
  readonly [TypeId]: unknown
  readonly config: SessionConfig
  /** The backend's name, such as `redis`. */
  readonly backend: string
  /** The number of live sessions. Fails with `Unsupported` if the backend cannot count. */
  readonly count: Effect.Effect<number, SessionError>
  /** The stored ids of the live sessions. Fails with `Unsupported` if the backend cannot list. */
  readonly list: Stream.Stream<StoredId, SessionError>
  /** Removes expired sessions now, and returns their number: 0 if the backend expires sessions by itself. */
  readonly gc: Effect.Effect<number, SessionError>
  /**
   * Whether the backend takes sessions: makes one, changes it, gives it another id and ends it. Fails with what the
   * backend reports, within the configured `timeout`. Every manager's layer does this once when it is built.
   */
  readonly health: Effect.Effect<void, SessionError>
  /** The events of sessions in this process, from the subscription on. */
  readonly events: Stream.Stream<Telemetry.SessionEvent>
}

/** The internal parts of a manager. @internal */
export interface Internals {
  readonly environment: Environment
  readonly mounting: Mounting
  /** The handle of a store on a session. */
  readonly handle: <S extends Any>(store: S, session: LiveSession) => Session<FieldsOf<S>>
  /** Reads the fields of a store among the values of a session that is not used otherwise. */
  readonly reader: <S extends Any>(store: S, values: Readonly<Draft>) => (key: string) => unknown
  /**
   * Puts the handles of stores into the context itself, which must belong to the caller, and returns it. It takes 0.5
   * µs; a new context takes 4.7 µs.
   */
  readonly put: <I>(context: Context.Context<I>, stores: ReadonlyArray<Any>, session: LiveSession) => Context.Context<I>
}

/** @internal */
export const internals = (manager: Manager): Internals => manager[TypeId] as Internals

/**
 * Makes a manager over the provider in the context. Fails with `InvalidConfig` if the backend or the format of sessions
 * cannot do what the configuration asks for.
 */
export const overProvider = (
  config: SessionConfig,
  codec: Codec.SessionCodec = Codec.json
): Effect.Effect<Manager, SessionError, SessionProvider> =>
  Effect.flatMap(SessionProvider, (provider) => {
    const surroundings = surroundProvider(provider, config)
    const wrong = checkOnServer(config, codec)
    return wrong === undefined
      ? Effect.flatMap(makeAtRest(config), (atRest) =>
          over(
            keptByServer(guarded(provider, surroundings), config, atRest),
            config,
            codec,
            surroundings,
            makeTrial(provider, config, codec)
          )
        )
      : Effect.fail(wrong)
  })

/**
 * Makes a manager over the provider in the context, to which sessions of this library's own layout move from another one. Fails
 * with `InvalidConfig` like {@link overProvider}, and if they cannot move.
 */
export const overOwnLayout = (
  config: SessionConfig,
  from: Provider
): Effect.Effect<Manager, SessionError, SessionProvider> =>
  Effect.flatMap(SessionProvider, (to) => {
    const wrong = checkMovingOwn(config, from, to) ?? checkOnServer(config, Codec.json)
    const old = guarded(from, surroundProvider(from, config))
    const own = guarded(to, surroundProvider(to, config))
    const provider = atBoth(old, own, config)
    return wrong === undefined
      ? Effect.flatMap(makeAtRest(config), (atRest) =>
          over(
            keptByServer(provider, config, atRest),
            config,
            Codec.json,
            surroundProvider(provider, config),
            Effect.andThen(makeTrial(apart(to, old), config, Codec.json), answers(old))
          )
        )
      : Effect.fail(wrong)
  })

/**
 * Makes a manager over the provider in the context, to which sessions move from another library's layout. Fails with
 * `InvalidConfig` like {@link overProvider}, and if the move could not keep what it promises.
 */
export const overOtherLayout = (
  config: SessionConfig,
  from: From
): Effect.Effect<Manager, SessionError, SessionProvider> =>
  Effect.flatMap(SessionProvider, (to) => {
    const wrong = checkMoving(config, from, to) ?? checkOnServer(config, Codec.json)
    const old = guarded(from.provider, surroundProvider(from.provider, config))
    const both = newPlace(to, old, config)
    const surroundings = surroundProvider(both, config)
    const provider = guarded(both, surroundings)
    return wrong === undefined
      ? Effect.flatMap(Effect.andThen(checkIds({ ...from, provider: old }, config), makeAtRest(config)), (atRest) =>
          Effect.flatMap(elsewhere(provider, { ...from, provider: old }, config, atRest, surroundings), (place) =>
            over(
              keptByServer(provider, config, atRest, place),
              config,
              Codec.json,
              surroundings,
              Effect.andThen(makeTrial(apart(to, old), config, Codec.json), answers(old))
            )
          )
        )
      : Effect.fail(wrong)
  })

/**
 * Makes a manager of sessions that clients hold. Fails with `InvalidConfig` if the configuration leaves no way to keep
 * a session in cookies, or asks for more.
 */
export const overSealed = (
  config: SessionConfig,
  codec: Codec.SessionCodec = Codec.json
): Effect.Effect<Manager, SessionError, SealedSessions> =>
  Effect.flatMap(SealedSessions, (sealing) => {
    const wrong = checkOnClient(config, codec)
    const surroundings = surround(sealing, config)
    const { make: makeId } = makeIds(config, { inheritedIdChars: 0 })
    // Endings are recorded under hashes, whatever the ids of sessions are.
    const recorded = { ...config, id: { ...config.id, hashed: true as const } }
    const { provider } = sealing
    return wrong === undefined
      ? over(
          keptByClient(guardedSealing(sealing, surroundings), sealedFor(config), config, makeId),
          config,
          codec,
          surroundings,
          provider === undefined ? Effect.void : makeTrial(provider, recorded, codec)
        )
      : Effect.fail(wrong)
  })

/** What seals are bound to. No name has a space. */
const sealedFor = (config: SessionConfig): string => [cookieName(config), config.app].join(" ").trimEnd()

const surroundProvider = ({ capabilities, name }: Provider, config: SessionConfig): Surroundings =>
  surround({ name, ...capabilities }, config)

const surround = (backend: Backend, { timeout }: SessionConfig): Surroundings => ({
  bounded: bounded(backend, timeout),
  reports: makeReports(backend.name, !backend.inProcess),
  telemetry: Telemetry.make(backend.name)
})

/** Makes a manager over a keeper, if that can do what the configuration asks for. */
const over = (
  keeper: Keeper,
  config: SessionConfig,
  codec: Codec.SessionCodec,
  surroundings: Surroundings,
  health: Effect.Effect<void, SessionError>
): Effect.Effect<Manager, SessionError> => {
  const wrong = checkKeeper(config, codec, keeper)
  if (wrong !== undefined) {
    return Effect.fail(wrong)
  }
  const { telemetry } = surroundings
  const waiting = patience(keeper.name, config.timeout)
  const caches = makeCaches(config)
  const parts = { config, keeper, codec, patience: waiting, ...surroundings }
  const environment: Environment = {
    ...parts,
    transport: makeTransport(config, keeper, caches),
    caches,
    crossOrigin: makeCrossOrigin(config),
    warnings: makeWarnings(config),
    underWay: new UnderWay(),
    device: deviceOf(config),
    turns: new Turns<Base>(waiting),
    clients: makeClients(config),
    people: keeper.principals === undefined || !codec.keepsNotes ? undefined : new People(keeper.principals, parts)
  }
  const fieldsOf = compiled(codec)
  const handle: Internals["handle"] = (store, session) => new Handle(session, fieldsOf(store))
  const own: Internals = {
    environment,
    mounting: new Mounting(environment),
    handle,
    reader: (store, values) => {
      const { byName } = fieldsOf(store)
      return (key) => {
        const field = byName.get(key)!
        return orDefault(field, read(field, values, { dropped: (name) => telemetry.dropped(undefined, name) }))
      }
    },
    put: (context, stores, session) => {
      let own = context
      for (const store of stores) {
        own = adding(own, store.key, handle(store, session))
      }
      return own
    }
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
    health,
    events: telemetry.events
  }
  // Not enumerable, so that a log or a debugger shows only the public parts of a manager.
  return Effect.succeed(Object.defineProperty(manager, TypeId, { value: own }) as Manager)
}

/** Compiles each store's fields once. */
const compiled = (codec: Codec.SessionCodec): ((store: Any) => BoundFields) => {
  const bound = new WeakMap<Any, BoundFields>()
  return (store) => {
    let fields = bound.get(store)
    if (fields === undefined) {
      fields = bind(store, codec)
      bound.set(store, fields)
    }
    return fields
  }
}

/**
 * A manager whose backend was tried out, with a fiber that removes expired sessions for as long as its scope is open. The
 * scope closes when no request is under way any more, or after `timeout`.
 */
export const running = <E, R>(
  made: Effect.Effect<Manager, E, R>
): Effect.Effect<Manager, E | SessionError, R | Scope.Scope> =>
  Effect.gen(function* () {
    const manager = yield* made
    yield* manager.health
    const { keeper, patience, reports, underWay } = internals(manager).environment
    yield* Effect.addFinalizer(() => underWay.over(patience.millis))
    if (keeper.gc !== undefined) {
      yield* manager.gc.pipe(
        Effect.catchCause(reports.notCollected),
        Effect.schedule(Schedule.jittered(Schedule.spaced(manager.config.gcInterval))),
        // Even if the layer is built in an uninterruptible region: its scope has to close.
        Effect.interruptible,
        Effect.forkScoped
      )
    }
    return manager
  })
