/**
 * Session ids: how they are made, checked when a client sends one, and hashed before a backend sees them.
 */
import { hash, randomBytes } from "node:crypto"
import type { Capabilities, StoredId } from "../Provider/Provider.js"
import { idLength, type SessionConfig } from "./SessionConfig.js"
import { cookieName } from "./Transport.js"

/** The ids of one configuration. Raw ids are secrets: they are plain strings only inside the manager. */
export interface Ids {
  /** A fresh id from the system's secure random source; it keeps the leading characters that `successorOf` must share. */
  readonly make: (successorOf?: string | undefined) => string
  /** Whether a string that a client sent can be an id of this configuration at all. No backend sees one that cannot. */
  readonly check: (id: string) => boolean
  readonly stored: (id: string) => StoredId
  /** Where ids are being hashed that were stored raw: the id that takes the place of a `stored` one. */
  readonly hashed: ((stored: StoredId) => StoredId) | undefined
}

const sha256 = (text: string): string => hash("sha256", text, "base64url")

export const makeIds = (
  config: SessionConfig,
  { heldBy, inheritedIdChars: inheritedChars }: Pick<Capabilities, "heldBy" | "inheritedIdChars">
): Ids => {
  const { bytes, encoding, hashed, prefix } = config.id
  const length = idLength(config.id)
  const alphabet = encoding === "hex" ? "0-9a-f" : "A-Za-z0-9_-"
  const pattern = new RegExp(`^${prefix}[${alphabet}]{${length - prefix.length}}$`)
  const inherited = prefix.length + inheritedChars
  const make = (successorOf?: string) => {
    const id = prefix + randomBytes(bytes).toString(encoding)
    return successorOf === undefined ? id : successorOf.slice(0, inherited) + id.slice(inherited)
  }
  if (heldBy === "client") {
    // What the client sends is the session itself, which the provider authenticates; the transport bounds its size.
    const name = cookieName(config)
    return {
      make,
      check: (value) => value !== "",
      stored: (value) => `${name}=${value}` as StoredId,
      hashed: undefined
    }
  }
  const hash: (id: string) => StoredId =
    inheritedChars === 0
      ? (id) => sha256(id) as StoredId
      : (id) => (id.slice(prefix.length, inherited) + sha256(id).slice(inheritedChars)) as StoredId
  return {
    make,
    // The length first: it bounds what the expression looks at.
    check: (id) => id.length === length && pattern.test(id),
    stored: hashed === true ? hash : (id) => id as StoredId,
    hashed: hashed === "migrating" ? hash : undefined
  }
}

/** A short name for a stored session that tells nothing about its id, for events and logs. */
export const reference = (id: StoredId): string => sha256(id).slice(0, 12)
