/**
 * Stores a session that somebody has signed in to, under a new id: it is listed in the person's register before its
 * client is told the id.
 */
import * as Effect from "#effect/Effect"
import { SessionError } from "../../SessionError.js"
import type { SessionData } from "../../Store/Codec.js"
import type { Cause, Changed, Lost, Saved } from "../Keeper.js"
import { isRemembered, timeoutsOf } from "../lifetimes.js"
import type { Base } from "../Outcome.js"
import type { RequestState } from "../RequestState.js"
import type { Listing } from "./People.js"

const lost: Lost = { _tag: "Lost" }

const full = (backend: string, max: number) =>
  new SessionError({
    reason: "TooManySessions",
    message: `${backend}: the person has ${max} sessions already (principals.max), and whenExceeded is "refuse": end one of them first`
  })

/**
 * Runs `storing`, and lists the session that it stored. `from` is the family that must be listed already, since the
 * session continues it: if it is not, the person's sessions were ended meanwhile, and the result is `Lost`. If the entry
 * cannot be written, the session is ended too, unless its old id leads to it (`cause`): the next request lists it.
 */
export const listing = <R extends Saved | Changed | Lost>(
  session: RequestState,
  data: SessionData,
  from: string | undefined,
  cause: Cause | undefined,
  storing: Effect.Effect<R, SessionError>
): Effect.Effect<R | Lost, SessionError> => {
  const { config, people } = session.env
  const { owner } = data
  if (owner === undefined || people === undefined) {
    return storing
  }
  const { family, moves, principal: ref, startedAt } = owner
  const [, absolute] = timeoutsOf(config, data)
  const entry = {
    family,
    moves,
    startedAt,
    isRemembered: isRemembered(data),
    endsAt: Math.min((data.createdAt ?? startedAt) + absolute, Number.MAX_SAFE_INTEGER),
    from
  }
  return Effect.flatMap(people.read(ref), (known) =>
    Effect.flatMap(people.foresee(known, { ...entry, ref }), (foreseen): Effect.Effect<R | Lost, SessionError> => {
      if (foreseen !== "Listed") {
        return refused(session, foreseen)
      }
      return Effect.flatMap(storing, (result): Effect.Effect<R | Lost, SessionError> => {
        if (result._tag !== "Saved") {
          return Effect.succeed(result)
        }
        const { ref: stored } = result.kept
        const end = session.env.keeper.endRef!(stored)
        // Once more if it fails: a visitor would lose their session, since its old id is dead by now.
        return Effect.matchCauseEffect(Effect.retry(people.list(ref, known, { ...entry, ref: stored }), { times: 1 }), {
          onFailure: (failure) =>
            Effect.andThen(cause === "age" ? Effect.void : Effect.ignore(end), Effect.failCause(failure)),
          onSuccess: (outcome): Effect.Effect<R | Lost, SessionError> =>
            outcome === "Listed" ? Effect.succeed(result) : Effect.andThen(end, refused(session, outcome))
        })
      })
    })
  )
}

/**
 * Lists a session under the id to which an old id has led, in case the process that renewed the id has stopped before it
 * could. The result is false, and the session ended, if the person's sessions were ended meanwhile.
 */
export const relisting = (session: RequestState, { data, kept }: Base): Effect.Effect<boolean, SessionError> =>
  Effect.flatMap(
    listing(session, data, data.owner?.family, "age", Effect.succeed<Saved>({ _tag: "Saved", kept })),
    ({ _tag }) => (_tag === "Saved" ? Effect.succeed(true) : Effect.as(session.env.keeper.endRef!(kept.ref), false))
  )

const refused = (
  { env: { config, keeper } }: RequestState,
  outcome: Exclude<Listing, "Listed">
): Effect.Effect<Lost, SessionError> =>
  outcome === "Gone" ? Effect.succeed(lost) : Effect.fail(full(keeper.name, config.principals.max))
