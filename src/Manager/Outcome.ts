/**
 * The possible outcomes of saving a session.
 */
import type { StoredId } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { SessionData } from "../Store/Codec.js"
import type { Kept } from "./Keeper.js"

/**
 * The occasion of a commit: `save` in the middle of the request, the `end` of the request, or `ending`, which only ends
 * sessions, since a `destroy` stands whatever becomes of the changes.
 */
export type When = "save" | "end" | "ending"

/**
 * The outcome of saving a session:
 *
 * - `Nothing`: there was nothing to do.
 * - `Empty`: there is no session, and no data to begin one with.
 * - `Created`, `Saved`, `Regenerated`: it is stored as `base`, with the first `count` changes in it.
 * - `Carried`: its id had changed; the changes are in the successor, whose id this client must not learn.
 * - `Followed`: another request has renewed its id because of its age; there was nothing else to store.
 * - `Touched`: its lifetime was renewed.
 * - `Told`: nothing was stored; the cookie is sent again before the browser forgets it.
 * - `Ended`: these sessions have ended.
 * - `Lost`: it had ended or expired; the changes are dropped.
 * - `Failed`: the session may not be stored; a call that timed out may still have taken effect. `identity` is true if
 *   the session was to end or to change its id: then the response must not look like a success.
 * - `Died`: like `Failed`, because of a defect.
 */
export type Outcome =
  | { readonly _tag: "Nothing" | "Empty" | "Told" }
  | { readonly _tag: "Created" | "Saved" | "Regenerated"; readonly base: Base; readonly count: number }
  | { readonly _tag: "Carried"; readonly ref: StoredId; readonly count: number }
  | { readonly _tag: "Followed" | "Touched"; readonly base: Base }
  | { readonly _tag: "Ended"; readonly refs: ReadonlyArray<StoredId> }
  | { readonly _tag: "Lost"; readonly ref: StoredId }
  | { readonly _tag: "Failed"; readonly error: SessionError; readonly identity: boolean }
  | { readonly _tag: "Died"; readonly defect: Error; readonly identity: boolean }

/** A stored session, as it was read or written last, and the data in it. */
export interface Base {
  readonly kept: Kept
  readonly data: SessionData
}
