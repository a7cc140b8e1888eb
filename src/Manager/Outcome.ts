/**
 * What can come of saving a session.
 */
import type { StoredId } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { SessionData } from "../Store/Codec.js"
import type { Kept } from "./Keeper.js"

/**
 * When a session is saved: in the middle of its request, by `save`; at the request's end; or when only what is to end is to be done, for
 * that stands whatever becomes of the rest.
 */
export type When = "save" | "end" | "ending"

/**
 * What came of saving a session:
 *
 * - `Nothing`: there was nothing to do.
 * - `Empty`: there is no session, and no data to begin one with.
 * - `Created`, `Saved`, `Regenerated`: it is stored as `base`, with the first `count` changes in it.
 * - `Carried`: its id had changed; the changes are in the successor, which this client must not learn of.
 * - `Touched`: its lifetime was renewed.
 * - `Told`: nothing was stored; the client is told again what it knows, before its browser forgets it.
 * - `Ended`: these sessions have ended.
 * - `Lost`: it had ended or expired; the changes are dropped.
 * - `Failed`: it is not known to be stored; a call that was given up may have been made. `identity` says that the session was to end or to change its id, which no answer may pass over.
 * - `Died`: the same, of a defect.
 */
export type Outcome =
  | { readonly _tag: "Nothing" | "Empty" | "Told" }
  | { readonly _tag: "Created" | "Saved" | "Regenerated"; readonly base: Base; readonly count: number }
  | { readonly _tag: "Carried"; readonly ref: StoredId; readonly count: number }
  | { readonly _tag: "Touched"; readonly base: Base }
  | { readonly _tag: "Ended"; readonly refs: ReadonlyArray<StoredId> }
  | { readonly _tag: "Lost"; readonly ref: StoredId }
  | { readonly _tag: "Failed"; readonly error: SessionError; readonly identity: boolean }
  | { readonly _tag: "Died"; readonly defect: Error; readonly identity: boolean }

/** A stored session, as it was read or written last, and the data in it. */
export interface Base {
  readonly kept: Kept
  readonly data: SessionData
}
