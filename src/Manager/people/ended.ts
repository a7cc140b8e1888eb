/**
 * Waits for the end of a session, wherever it is ended.
 */
import { millisOf } from "#dialect/clock"
import * as Effect from "#effect/Effect"
import { rest } from "../../internal/machineTime.js"
import type { StoredId } from "../../Provider/Provider.js"
import { SessionError } from "../../SessionError.js"
import { cellOf } from "../../Store/Handle.js"
import type { Session } from "../../Store/SessionStore.js"
import type { Environment } from "../Environment.js"
import { findLive } from "../findLive.js"
import { LiveSession } from "../LiveSession.js"
import { timeoutsOf, touchEveryOf } from "../lifetimes.js"
import { internals } from "../Manager.js"
import type { Base } from "../Outcome.js"
import { SessionManager } from "../service.js"

/**
 * Completes when the session has ended: by a sign-out, by {@link endAll}, in another process, or because it expired. A
 * session that only gets another id goes on, unless somebody else signs in to it. It is for what outlives its request,
 * such as a WebSocket: race the two.
 *
 * An end in this process is known at once, and with Redis one in another process as well; otherwise within `touchEvery`,
 * and within 30 seconds at the most. While the backend is down, nothing is known to have ended. Fails with `Unsupported`
 * for sealed cookies.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { SessionManager, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { name: Schema.String }) {}
 *
 * declare const talk: Effect.Effect<void>
 *
 * const socket = Effect.gen(function* () {
 *   const session = yield* AppSession
 *   yield* Effect.race(talk, SessionManager.ended(session))
 * })
 *
 * @since 3.0.0
 * @category people
 */
export const ended = (session: Session<any>): Effect.Effect<void, SessionError, SessionManager> =>
  Effect.flatMap(SessionManager, (manager) => {
    const { environment } = internals(manager)
    if (environment.keeper.needsResponse) {
      return new SessionError({
        reason: "Unsupported",
        message: `${environment.keeper.name}: ended: the client holds the session, so that no process sees it end`
      })
    }
    const own = cellOf(session)
    return own instanceof LiveSession
      ? own.reading(() => (own.base === undefined ? Effect.void : watch(environment, own.base)))
      : Effect.void
  })

/** The longest pause between two looks, in milliseconds: a session that got another id is found for a minute. */
const mostPause = 30_000

/** The id at which to look next. */
type Next = StoredId | undefined

const watch = (environment: Environment, base: Base): Effect.Effect<void> => {
  const { config, keeper, telemetry } = environment
  const owner = base.data.owner?.principal
  const [idle] = timeoutsOf(config, base.data)
  const between = Math.min(touchEveryOf(config, idle), mostPause)

  /** The session, if it goes on. If somebody else had signed in, it would have left nothing that leads to theirs. */
  const find = (ref: StoredId) =>
    Effect.flatMap(findLive(environment, ref, ref === base.kept.ref ? base.kept.id : undefined), (found) =>
      Effect.clockWith((clock) =>
        Effect.succeed(
          found !== undefined && (owner === undefined || (found.data ?? base.data).owner?.principal === owner)
            ? { ref: found.kept.ref, left: found.kept.expiresAt - millisOf(clock) }
            : undefined
        )
      )
    )

  const wait = (ref: StoredId, left: number, happens: Effect.Effect<void>): Effect.Effect<Next> =>
    Effect.as(
      Effect.raceAll([
        // Spread, since those who began to wait at the same time would all look at the same time.
        rest(Math.max(Math.min(between * (1 - Math.random() / 4), left), 50)),
        happens,
        ...(keeper.changed === undefined ? [] : [Effect.catchCause(keeper.changed(ref), () => Effect.never)])
      ]),
      ref
    )

  /** Looks at the session, and waits until it may have changed; what this process does meanwhile is heard. */
  const look = (ref: StoredId): Effect.Effect<Next> =>
    Effect.suspend(() => {
      const { happens, stop } = hear(telemetry, ref)
      const looked = Effect.matchCauseEffect(find(ref), {
        onFailure: () => wait(ref, mostPause, happens),
        onSuccess: (found) =>
          found === undefined
            ? Effect.succeed(undefined)
            : found.ref === ref
              ? wait(ref, found.left, happens)
              : Effect.succeed(found.ref)
      })
      return Effect.ensuring(looked, Effect.sync(stop))
    })

  const go = (ref: StoredId): Effect.Effect<void> =>
    Effect.flatMap(look(ref), (next) => (next === undefined ? Effect.void : go(next)))
  return go(base.kept.ref)
}

/** Hears when this process ends the session or gives it another id, from now on. */
const hear = (telemetry: Environment["telemetry"], ref: StoredId) => {
  let heard = false
  let tell = () => {
    heard = true
  }
  const stop = telemetry.whenChanged(ref, () => tell())
  const happens = Effect.callback<void>((resume) => {
    if (heard) {
      resume(Effect.void)
    } else {
      tell = () => resume(Effect.void)
    }
  })
  return { happens, stop }
}
