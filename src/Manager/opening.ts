/**
 * Opens the session of a request: reads from the backend what the client's token stands for.
 */
import { millisOf } from "#dialect/clock"
import * as Effect from "#effect/Effect"
import type { SessionError } from "../SessionError.js"
import type { Found } from "./Keeper.js"
import { ambiguous, missing, none, type Origin } from "./Origin.js"
import type { Base } from "./Outcome.js"
import { relisting } from "./people/listing.js"
import type { RequestState } from "./RequestState.js"

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
      ? Effect.flatMapEager(keeper.open(token), (found) =>
          Effect.mapEager(live(session, token, found, now), (base) =>
            session.read(base === undefined ? missing : { _tag: "Live", base }, now)
          )
        )
      : Effect.flatMap(Effect.zip(keeper.open(token), keeper.open(other)), ([first, second]) =>
          Effect.map(Effect.zip(live(session, token, first, now), live(session, other, second, now)), ([one, two]) => {
            const origin = either(session, one, two)
            session.read(origin._tag === "Missing" && session.sent?.more === true ? ambiguous : origin, now)
          })
        )
  })

/**
 * The one that is there, of the two sessions that the client named. Of two copies of one session it is the newer one; of
 * two ids of one session, the one that leads nowhere else.
 */
const either = (session: RequestState, one: Base | undefined, other: Base | undefined): Origin => {
  const base = one ?? other
  if (base === undefined) {
    return missing
  }
  if (one === undefined || other === undefined) {
    return { _tag: "Live", base }
  }
  return one.kept.ref === other.kept.ref
    ? {
        _tag: "Live",
        base: session.isNews(one) || Number(other.kept.revision) > Number(one.kept.revision) ? other : one
      }
    : ambiguous
}

const nobody: Effect.Effect<undefined> = Effect.succeed(undefined)

/** The session that was found, unless it is over. */
const live = (
  session: RequestState,
  token: string,
  found: Found | "Reused" | undefined,
  now: number
): Effect.Effect<Base | undefined, SessionError> => {
  const { keeper, telemetry } = session.env
  telemetry.read()
  if (found === undefined || found === "Reused") {
    telemetry.emit(found ?? "Unknown", keeper.refOf(token))
    return nobody
  }
  const base = session.understand(found)
  if (base === undefined || session.lifetime(base.data, now) <= 0) {
    return nobody
  }
  const { owner } = base.data
  return base.kept.token !== token
    ? Effect.map(relisting(session, base), (isListed) => (isListed ? base : undefined))
    : owner === undefined || keeper.generations === undefined
      ? Effect.succeed(base)
      : Effect.map(keeper.generations.current(owner.principal), (generation) =>
          generation === undefined || generation === owner.generation ? base : undefined
        )
}
