/**
 * What a request knows of the session that its client named, and what it can still tell the client.
 */
import type { Base } from "./Outcome.js"

/**
 * The knowledge that this request has of the session that its client named:
 *
 * - `Unread`: nothing yet.
 * - `None`: there is none, and the first write begins one. The client named none, or this request ended it.
 * - `Missing`: the client named one that is not there. Its fate is looked up before a new one begins.
 * - `Ambiguous`: the client named two that are both there. Nothing shows which one is the visitor's, so neither is
 *   used.
 * - `Unproven`: it is there and bound to a device, and the request brings no fresh proof. It is not used; a sign-in begins
 *   another one.
 * - `Live`: it was read, or stored by this request.
 */
export type Origin =
  | { readonly _tag: "Unread" | "None" | "Missing" | "Ambiguous" }
  | { readonly _tag: "Unproven"; readonly base: Base }
  | { readonly _tag: "Live"; readonly base: Base }

export const unread: Origin = { _tag: "Unread" }
export const none: Origin = { _tag: "None" }
export const missing: Origin = { _tag: "Missing" }
export const ambiguous: Origin = { _tag: "Ambiguous" }
export const unproven = (base: Base): Origin => ({ _tag: "Unproven", base })

/**
 * Whether changes can still reach the client: `open` until the response is made, then `closed`. On a `socket` (a
 * WebSocket, or a session opened outside of a request) there is no response: data can be saved, but the client cannot
 * get a new id.
 */
export type Stage = "open" | "closed" | "socket"
