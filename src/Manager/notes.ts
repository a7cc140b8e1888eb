/**
 * What the library itself notes in a session when it is stored: when it began, when its id was made, and its owner.
 */
import type { SessionData } from "../Store/Codec.js"
import type { Cause } from "./Keeper.js"
import type { Base } from "./Outcome.js"
import { makeFamily, signedIn, underId } from "./people/owner.js"
import type { RequestState } from "./RequestState.js"

export type Notes = Pick<SessionData, "createdAt" | "idMadeAt" | "owner">

/** The notes of a session that is stored again, under the id `newId` if there is a cause for one. */
export const notesOn = (
  session: RequestState,
  base: Base,
  cause: Cause | undefined,
  newId: string,
  now: number
): Notes => {
  const { createdAt, idMadeAt, owner } = base.data
  const { env, signing } = session
  switch (cause) {
    case undefined:
      return { createdAt, idMadeAt, owner: owner && { ...owner, seenAt: now } }
    case "age":
      return { createdAt, idMadeAt: now, owner: owner && { ...underId(owner, base.kept.id!, newId), seenAt: now } }
    case "rights":
      return {
        // A format that does not tell when a session began does not tell when its id was renewed, either.
        createdAt: createdAt === undefined ? undefined : now,
        idMadeAt: undefined,
        owner:
          signing !== undefined
            ? signedIn(
                signing,
                owner?.principal === signing.register ? owner : undefined,
                newId,
                env.config.remember,
                now
              )
            : owner && { ...underId(owner, base.kept.id!, newId), seenAt: now }
      }
  }
}

/**
 * The notes of a new session. With the data of `from`, which somebody else has moved, it is another session of the same
 * owner: both are live.
 */
export const notesOfNew = (session: RequestState, from: Base | undefined, newId: string, now: number): Notes => {
  const { env, signing } = session
  const owner = from?.data.owner
  return {
    createdAt: now,
    idMadeAt: undefined,
    owner:
      signing !== undefined
        ? signedIn(signing, undefined, newId, env.config.remember, now)
        : owner && { ...underId(owner, from!.kept.id!, newId), family: makeFamily(), seenAt: now }
  }
}
