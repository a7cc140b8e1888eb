/**
 * Opens the session of a request: reads from the backend what the client's token stands for.
 */
import { millisOf } from "#dialect/clock"
import * as Effect from "#effect/Effect"
import type { SessionError } from "../SessionError.js"
import type { Found } from "./Keeper.js"
import type { Base } from "./Outcome.js"
import { missing, none, type Origin, type RequestState } from "./RequestState.js"

const ambiguous: Origin = { _tag: "Ambiguous" }

/**
 * Reads the session once, even if several fibers of the request ask at the same time. A read that failed is tried
 * again.
 */
export const open = (session: RequestState): Effect.Effect<void, SessionError> =>
  session.origin._tag !== "Unread"
    ? Effect.void
    : session.env.keeper.inProcess
      ? openInLine(session)
      : session.line.take(openInLine(session))

/** {@link open} for a fiber that is in line already. */
export const openInLine = (session: RequestState): Effect.Effect<void, SessionError> =>
  Effect.clockWith((clock) => {
    if (session.origin._tag !== "Unread") {
      return Effect.void
    }
    const now = millisOf(clock)
    const { keeper, telemetry } = session.env
    const [token, other] = session.sent?.tokens ?? []
    if (session.sent?.doubled === true) {
      telemetry.doubled(token === undefined ? undefined : keeper.refOf(token))
    }
    if (token === undefined) {
      session.read(session.sent === undefined ? none : missing, now)
      return Effect.void
    }
    return other === undefined
      ? Effect.map(keeper.open(token), (found) => {
          const base = live(session, token, found, now)
          session.read(base === undefined ? missing : { _tag: "Live", base }, now)
        })
      : Effect.map(Effect.zip(keeper.open(token), keeper.open(other)), ([first, second]) => {
          const origin = either(live(session, token, first, now), live(session, other, second, now))
          session.read(origin._tag === "Missing" && session.sent?.more === true ? ambiguous : origin, now)
        })
  })

/** The one that is there, of the two sessions that the client named; the newer one, of two copies of one session. */
const either = (one: Base | undefined, other: Base | undefined): Origin => {
  const base = one ?? other
  if (base === undefined) {
    return missing
  }
  if (one === undefined || other === undefined) {
    return { _tag: "Live", base }
  }
  return one.kept.ref === other.kept.ref
    ? { _tag: "Live", base: Number(other.kept.revision) > Number(one.kept.revision) ? other : one }
    : ambiguous
}

/** The session that was found, unless it has reached its absolute end. */
const live = (session: RequestState, token: string, found: Found | undefined, now: number): Base | undefined => {
  const { keeper, telemetry } = session.env
  telemetry.read()
  if (found === undefined) {
    telemetry.emit("Unknown", keeper.refOf(token))
    return undefined
  }
  const base = session.understand(found)
  return base !== undefined && session.lifetime(base.data, now) > 0 ? base : undefined
}
