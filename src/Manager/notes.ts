/**
 * What the library itself notes in a session when it is stored: when it began, when its id was made, and its owner.
 */
import type { SessionData } from "../Store/Codec.js"
import type { Cause } from "./Keeper.js"
import type { Base } from "./Outcome.js"
import { makeFamily, signedIn, underId } from "./people/owner.js"
import type { RequestState } from "./RequestState.js"
import { seenWith } from "./signals.js"

export type Notes = Pick<SessionData, "createdAt" | "idMadeAt" | "owner">

/** The notes of a session that is stored again under the same id. */
export const notesKept = (
  session: RequestState,
  { data: { createdAt, idMadeAt, owner }, kept: { id } }: Base,
  now: number
): Notes => ({
  createdAt,
  idMadeAt,
  owner: owner && seenWith(session, { ...owner, seenAt: now }, id)
})

/** The notes of a session that is stored again under another id. */
export const notesMoved = (
  session: RequestState,
  base: Base,
  { cause, id }: { readonly cause: Cause; readonly id: string },
  now: number
): Notes => {
  const { createdAt, owner } = base.data
  const { env, signing } = session
  const moved = () => owner && seenWith(session, { ...underId(owner, base.kept.id!, id), seenAt: now }, id)
  switch (cause) {
    case "age":
      return { createdAt, idMadeAt: now, owner: moved() }
    case "rights":
      return {
        // A format that does not tell when a session began does not tell when its id was renewed, either.
        createdAt: createdAt === undefined ? undefined : now,
        idMadeAt: undefined,
        owner:
          signing !== undefined
            ? seenWith(
                session,
                signedIn(signing, owner?.principal === signing.register ? owner : undefined, id, env, now),
                id
              )
            : moved()
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
        ? seenWith(session, signedIn(signing, undefined, newId, env, now), newId)
        : owner &&
          seenWith(session, { ...underId(owner, from!.kept.id!, newId), family: makeFamily(), seenAt: now }, newId)
  }
}
