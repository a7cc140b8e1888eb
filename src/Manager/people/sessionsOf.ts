/**
 * A person's sessions as an app sees them: to list, and to end.
 */
import { contextOf } from "#dialect/runtime"
import * as Context from "#effect/Context"
import * as DateTime from "#effect/DateTime"
import * as Effect from "#effect/Effect"
import { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as Stream from "#effect/Stream"
import { SessionError } from "../../SessionError.js"
import { cellOf } from "../../Store/Handle.js"
import type { Any, Fields, FieldsOf, Got, Session } from "../../Store/SessionStore.js"
import { findLive } from "../findLive.js"
import { LiveSession } from "../LiveSession.js"
import { isRemembered, lastSeenOf } from "../lifetimes.js"
import { internals, type Manager } from "../Manager.js"
import { SessionManager } from "../service.js"
import { registerOf, wrongPrincipal } from "./owner.js"
import type { Live, People } from "./People.js"

/**
 * One of a person's live sessions.
 *
 * @since 3.0.0
 * @category models
 */
export interface SignedIn<F extends Fields = {}> {
  /** Names the session among the person's, for as long as it lives. It is no id: no client can use it. */
  readonly ref: string
  /** When the person signed in first. */
  readonly started: DateTime.Utc
  /** When the session was used last, to the accuracy of `touchEvery`. */
  readonly lastSeen: DateTime.Utc
  /** When it ends, if it is not used again. */
  readonly expires: DateTime.Utc
  /** Whether it is the session of the request that asks. */
  readonly isCurrent: boolean
  /** Whether the person asked to be remembered. */
  readonly isRemembered: boolean
  /** Whether a browser has bound it to its device, with the option `deviceBound`. With `atRest: "id"` always false. */
  readonly isBound: boolean
  /**
   * Reads a field of the store, as `session.get` does. With `atRest: "id"` there is nothing to read: only the session's
   * own client brings what opens it.
   */
  readonly get: <K extends keyof F & string>(key: K) => Got<F[K]>
}

/**
 * Lists the live sessions in which a person has signed in, oldest first. With a store, its fields can be read: what is
 * shown of a device is what the app has put there. Costs a call for the list, and one for each session in it.
 *
 * Fails with `Unsupported` if the backend keeps no lists.
 *
 * @example
 * import { DateTime, Effect, Option, Schema } from "effect"
 * import { SessionManager, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { agent: Schema.String }) {}
 *
 * const devices = (user: string) =>
 *   Effect.map(SessionManager.sessionsOf(AppSession, user), (sessions) =>
 *     sessions.map(({ get, isCurrent, lastSeen, ref }) => ({
 *       ref,
 *       agent: Option.getOrElse(get("agent"), () => "unknown"),
 *       seen: isCurrent ? "This device" : DateTime.formatIso(lastSeen)
 *     }))
 *   )
 *
 * @since 3.0.0
 * @category people
 */
export const sessionsOf: {
  (principal: string): Effect.Effect<ReadonlyArray<SignedIn>, SessionError, SessionManager>
  <S extends Any>(
    store: S,
    principal: string
  ): Effect.Effect<ReadonlyArray<SignedIn<FieldsOf<S>>>, SessionError, SessionManager>
} = (...args: [string] | [Any, string]): Effect.Effect<ReadonlyArray<SignedIn<any>>, SessionError, SessionManager> =>
  Effect.flatMap(SessionManager, (manager) => {
    const [store, principal] = args.length === 1 ? [undefined, args[0]] : args
    return Effect.flatMap(listedBy(manager, "sessionsOf", principal), (people) =>
      Effect.map(
        Effect.zip(people.live(registerOf(principal, manager.config.app)), currentFamily(manager)),
        ([live, current]) => live.map((one) => toSignedIn(manager, one, current, store))
      )
    )
  })

const toSignedIn = (
  manager: Manager,
  live: Live,
  current: string | undefined,
  store: Any | undefined
): SignedIn<any> => {
  const { reader } = internals(manager)
  const { data, entry, kept } = live
  return {
    ref: entry.family,
    started: DateTime.makeUnsafe(entry.startedAt),
    lastSeen: DateTime.makeUnsafe(lastSeenOf(manager.config, live)),
    expires: DateTime.makeUnsafe(kept.expiresAt),
    isCurrent: entry.family === current,
    isRemembered: data === undefined ? entry.isRemembered : isRemembered(data),
    isBound: data?.owner?.binding?.key !== undefined,
    get: store === undefined ? () => undefined : reader(store, data?.values ?? {})
  }
}

/** The family of the session of the request that this fiber handles, if it has one. */
const currentFamily = (manager: Manager): Effect.Effect<string | undefined, SessionError> =>
  Effect.withFiber((fiber) => {
    const request = Context.getOrUndefined(contextOf(fiber) as Context.Context<HttpServerRequest>, HttpServerRequest)
    const session = request && internals(manager).mounting.existing(request)
    return session === undefined ? Effect.succeed(undefined) : Effect.map(session.whose, (whose) => whose?.family)
  })

/**
 * Ends one of a person's sessions, named by its `ref` from {@link sessionsOf}. Others cannot be ended with it, whatever
 * a client sends as `ref`. If it does not exist any more, nothing happens.
 *
 * @example
 * import { SessionManager } from "effect-session"
 *
 * const signOutDevice = (user: string, ref: string) => SessionManager.endSession(user, ref)
 *
 * @since 3.0.0
 * @category people
 */
export const endSession = (principal: string, ref: string): Effect.Effect<void, SessionError, SessionManager> =>
  Effect.flatMap(SessionManager, (manager) =>
    Effect.flatMap(listedBy(manager, "endSession", principal), (people) =>
      people.end(registerOf(principal, manager.config.app), ({ family }) => family === ref)
    )
  )

/**
 * Ends all sessions of the person who is signed in to this one, but this one: after a change of password, say (OWASP
 * ASVS 7.4.3). Fails with `SignInNeeded` if nobody is signed in, and with `Unsupported` like {@link endAll}.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { SessionManager, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { agent: Schema.String }) {}
 *
 * const passwordChanged = Effect.gen(function* () {
 *   const session = yield* AppSession
 *   yield* session.regenerate
 *   yield* session.save
 *   yield* SessionManager.endOthers(session)
 * })
 *
 * @since 3.0.0
 * @category people
 */
export const endOthers = (session: Session<any>): Effect.Effect<void, SessionError, SessionManager> =>
  Effect.flatMap(SessionManager, (manager) => {
    const own = cellOf(session)
    return Effect.flatMap(own instanceof LiveSession ? own.whose : Effect.succeed(undefined), (whose) =>
      whose === undefined
        ? new SessionError({ reason: "SignInNeeded", message: "endOthers: nobody is signed in to this session" })
        : Effect.flatMap(allListedBy(manager, "endOthers"), (people) =>
            people.end(whose.register, ({ family }) => family !== whose.family)
          )
    )
  })

/**
 * Ends all sessions of a person: an account that is disabled, say (OWASP ASVS 7.4.2). A session that the person begins
 * meanwhile lives, as one that was begun afterwards; one that is only changing its id does not.
 *
 * On sealed cookies it needs `revocations`. Fails with `Unsupported` where it cannot be promised: if the backend keeps no
 * lists, or may lose them (`principals.bestEffort`).
 *
 * @example
 * import { SessionManager } from "effect-session"
 *
 * const disable = (user: string) => SessionManager.endAll(user)
 *
 * @since 3.0.0
 * @category people
 */
export const endAll = (principal: string): Effect.Effect<void, SessionError, SessionManager> =>
  Effect.flatMap(SessionManager, (manager) => {
    const { generations } = internals(manager).environment.keeper
    const register = registerOf(principal, manager.config.app)
    return generations === undefined
      ? Effect.flatMap(allListedBy(manager, "endAll", principal), (people) => people.end(register, () => true))
      : (wrongPrincipal("endAll", principal) ?? generations.begin(register))
  })

/**
 * Ends every session, of visitors too: after a leak, say (OWASP ASVS 7.4.5). Sessions that begin meanwhile live, unless
 * only their ids open them (`atRest: "id"`): nothing else tells when they began. Sessions of other apps on the same
 * backend end too. Takes as long as it takes to list and end them one by one. Fails with `Unsupported` if the backend cannot list its sessions:
 * there, and on sealed cookies, set `validFrom` in the configuration, which also costs no call.
 *
 * @example
 * import { SessionManager } from "effect-session"
 *
 * const afterLeak = SessionManager.endEverything
 *
 * @since 3.0.0
 * @category people
 */
export const endEverything: Effect.Effect<void, SessionError, SessionManager> = Effect.flatMap(
  SessionManager,
  (manager) => {
    const { environment } = internals(manager)
    const { keeper, telemetry } = environment
    const { endRef, list } = keeper
    if (list === undefined || endRef === undefined) {
      return new SessionError({
        reason: "Unsupported",
        message: `${keeper.name}: endEverything: this backend cannot list its sessions; set validFrom in the configuration instead`
      })
    }
    const end = (ref: Parameters<typeof endRef>[0]) => Effect.map(endRef(ref), () => telemetry.emit("Destroyed", ref))
    /** Ends what has changed its id while the others were ended. Returns how many these were. */
    const endMoved = (began: number): Effect.Effect<number, SessionError> =>
      list.pipe(
        Stream.mapEffect(
          (ref) =>
            Effect.flatMap(findLive(environment, ref), (found) => {
              if (found === undefined) {
                return Effect.succeed(false)
              }
              const { data } = found
              // Of a session that only its id opens, nothing tells that it is a new one.
              const since =
                data === undefined ? 0 : (data.owner?.signedInAt ?? data.createdAt ?? Number.POSITIVE_INFINITY)
              return since < began ? Effect.as(end(ref), true) : Effect.succeed(false)
            }),
          { concurrency: 16 }
        ),
        Stream.filter((isEnded) => isEnded),
        Stream.runCount
      )
    return Effect.flatMap(DateTime.now, (now) =>
      Effect.andThen(
        Stream.runForEach(list, end),
        Effect.asVoid(Effect.repeat(endMoved(DateTime.toEpochMillis(now)), { until: (moved) => moved === 0, times: 8 }))
      )
    )
  }
)

const unsupported = (backend: string, operation: string, why: string) =>
  new SessionError({ reason: "Unsupported", message: `${backend}: ${operation}: ${why}` })

/** The lists of people's sessions, if the backend keeps them. */
export const listedBy = (
  manager: Manager,
  operation: string,
  principal?: string
): Effect.Effect<People, SessionError> => {
  const { keeper, people } = internals(manager).environment
  const wrong = principal === undefined ? undefined : wrongPrincipal(operation, principal)
  if (wrong !== undefined) {
    return wrong
  }
  return people === undefined
    ? unsupported(
        keeper.name,
        operation,
        keeper.needsResponse
          ? "clients hold the sessions, so that nobody can list them; endAll works with revocations"
          : "this backend keeps no lists of people's sessions"
      )
    : Effect.succeed(people)
}

/** {@link listedBy} for what has to reach every session. */
const allListedBy = (manager: Manager, operation: string, principal?: string): Effect.Effect<People, SessionError> => {
  const { config, keeper } = internals(manager).environment
  return keeper.evicts && !config.principals.bestEffort
    ? unsupported(
        keeper.name,
        operation,
        "this backend may lose the lists of people's sessions, and then some would go on; if that is good enough, set principals.bestEffort"
      )
    : listedBy(manager, operation, principal)
}
