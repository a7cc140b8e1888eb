/**
 * The id of a session that clients hold: the cookie itself.
 */
import type { StoredId } from "../Provider.js"

export const split = (cookie: StoredId): readonly [name: string, value: string] => {
  const at = cookie.indexOf("=")
  return [cookie.slice(0, Math.max(at, 0)), cookie.slice(at + 1)]
}
