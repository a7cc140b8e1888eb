/**
 * Opens the session of a request: reads from the backend what the client's token stands for.
 */
import { millisOf } from "#dialect/clock"
import * as Effect from "#effect/Effect"
import type { SessionError } from "../SessionError.js"
import { whereProven } from "./bound/proven.js"
import type { Found } from "./Keeper.js"
import { ambiguous, missing, none, type Origin } from "./Origin.js"
import type { Base } from "./Outcome.js"
import { relisting } from "./people/listing.js"
import type { RequestState } from "./RequestState.js"
import { noticeMove } from "./signals.js"

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
  session.env.clients === undefined || session.origin._tag !== "Unread"
    ? reading(session)
    : Effect.flatMap(reading(session), () => noticeMove(session) ?? Effect.void)

const reading = (session: RequestState): Effect.Effect<void, SessionError> =>
  Effect.clockWith((clock) => {
    if (session.origin._tag !== "Unread") {
      return Effect.void
    }
    const now = millisOf(clock)
    const { keeper, telemetry } = session.env
    const [token, other] = session.sent?.tokens ?? []
    if (session.sent?.doubled === true) {
      telemetry.tossed(token === undefined ? undefined : keeper.refOf(token), session)
    }
    if (token === undefined) {
      session.read(session.sent === undefined ? none : missing, now)
      return Effect.void
    }
    return other === undefined
      ? Effect.flatMapEager(keeper.open(token), (found) => {
          const note = (base: Base | undefined) =>
            session.read(base === undefined ? missing : whereProven(session, { _tag: "Live", base }, now), now)
          const base = live(session, token, found, now)
          const checking = check(session, token, found, base)
          return checking === undefined ? Effect.succeed(note(base)) : Effect.map(checking, note)
        })
      : Effect.flatMap(Effect.zip(keeper.open(token), keeper.open(other)), ([first, second]) =>
          Effect.map(
            Effect.zip(checked(session, token, first, now), checked(session, other, second, now)),
            ([one, two]) => {
              const origin = whereProven(session, either(session, one, two), now)
              session.read(origin._tag === "Missing" && session.sent?.more === true ? ambiguous : origin, now)
            }
          )
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

/** What a keeper finds for a token. */
type Opened = Found | "Reused" | undefined

/** The session that was found, unless it is over. */
const live = (session: RequestState, token: string, found: Opened, now: number): Base | undefined => {
  const { keeper, telemetry } = session.env
  telemetry.read()
  if (found === undefined || found === "Reused") {
    telemetry.emit(found ?? "Unknown", keeper.refOf(token), session)
    return undefined
  }
  const base = session.understand(found)
  return base !== undefined && session.lifetime(base.data, now) > 0 ? base : undefined
}

/** Whether a session that is not live can be read at all. */
const isLegible = ({ env: { codec } }: RequestState, { payload }: Found): boolean =>
  payload !== undefined && codec.decode(payload) !== undefined

const illegible =
  "session: a stored session cannot be read, so that its client has none: it is damaged or forged, of another format or version of effect-session, or sealed with a key that atRest.keys does not have"

/**
 * Looks whether the session has ended with others of its person, if only another record can tell. Warns of one that this
 * process cannot read: if its keys are wrong, all are lost that their clients change meanwhile.
 */
const check = (
  session: RequestState,
  token: string,
  found: Opened,
  base: Base | undefined
): Effect.Effect<Base | undefined, SessionError> | undefined => {
  if (typeof found !== "object") {
    return undefined
  }
  if (base === undefined) {
    return isLegible(session, found) ? undefined : Effect.as(session.env.reports.warned(illegible), undefined)
  }
  if (base.kept.token !== token || found.hasMoved === true) {
    return Effect.map(relisting(session, base), (isListed) => (isListed ? base : undefined))
  }
  const { owner } = base.data
  const { generations } = session.env.keeper
  return owner === undefined || generations === undefined
    ? undefined
    : Effect.map(generations.current(owner.principal), (generation) =>
        generation === undefined || generation === owner.generation ? base : undefined
      )
}

/** {@link live} and {@link check}. */
const checked = (
  ...[session, token, found, now]: Parameters<typeof live>
): Effect.Effect<Base | undefined, SessionError> => {
  const base = live(session, token, found, now)
  return check(session, token, found, base) ?? Effect.succeed(base)
}
