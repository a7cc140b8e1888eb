/**
 * Sessions outside of a request, by their ids: opens, ends and names them.
 */
import * as Effect from "#effect/Effect"
import * as Redacted from "#effect/Redacted"
import type { StoredId } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import type { Any, FieldsOf, Session, SessionId } from "../Store/SessionStore.js"
import type { Environment } from "./Environment.js"
import { LiveSession } from "./LiveSession.js"
import { internals, type Manager } from "./Manager.js"
import { SessionManager } from "./service.js"
import { nameOf as nameOfStored } from "./Telemetry.js"

/**
 * Opens a live session outside of a request: in a job, on a socket, in a test. Changes are stored only when you call
 * `session.save`. Fails with `NotFound` if no live session has the id, and with `Unsupported` if clients hold the
 * sessions.
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
 * @since 3.0.0
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
    return session.reading(() =>
      session.base === undefined
        ? Effect.fail(new SessionError({ reason: "NotFound", message: "open: no live session has this id" }))
        : Effect.succeed(handle(store, session))
    )
  })

/**
 * Ends the session with this id, or with this stored id (from `list`). Ending a session that does not exist succeeds.
 * Fails with `Unsupported` if clients hold the sessions. To end those of a person, or all, there are `endAll` and
 * `endEverything`, from which a session that changes its id meanwhile does not escape.
 *
 * @example
 * import { SessionManager, type SessionStore } from "effect-session"
 *
 * const end = (id: SessionStore.SessionId) => SessionManager.destroy(id)
 *
 * @since 3.0.0
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
    return Effect.andThen(session.destroy, session.save)
  })

/**
 * The name of a session in events, from its id or its stored id. It cannot be turned back into either, so it can be
 * logged: the events of a session that your own log names.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { SessionManager, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { userId: Schema.String }) {}
 *
 * const logName = Effect.gen(function* () {
 *   const session = yield* AppSession
 *   yield* Effect.log("session", yield* SessionManager.nameOf(yield* session.id))
 * })
 *
 * @since 3.0.0
 * @category accessors
 */
export const nameOf = (id: SessionId | StoredId): Effect.Effect<string, never, SessionManager> =>
  Effect.map(SessionManager, (manager) => {
    const { keeper } = internals(manager).environment
    return nameOfStored(typeof id === "string" ? id : keeper.refOf(Redacted.value(id)))
  })

const heldByClient = ({ backend }: Manager, operation: string) =>
  Effect.fail(
    new SessionError({
      reason: "Unsupported",
      message: `${backend}: ${operation}: the client holds the session; only a request that brings it can use or end it`
    })
  )

/** A session outside of a request. */
const detached = (environment: Environment, id: SessionId): LiveSession => {
  const token = Redacted.value(id)
  const session = new LiveSession(environment, () =>
    environment.keeper.accepts(token) ? { tokens: [token], more: false, doubled: false, via: "cookie" } : undefined
  )
  session.stage = "socket"
  return session
}
