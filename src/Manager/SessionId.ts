/**
 * Makes session ids, checks those that clients send, and hashes them before a backend sees them.
 */
import { hash, randomBytes } from "node:crypto"
import type { Capabilities, StoredId } from "../Provider/Provider.js"
import { idLength, type SessionConfig } from "./configSchema.js"
import { isSigned } from "./cookieSignature.js"

/** The ids of one configuration. Raw ids are secrets: they are plain strings only inside the manager. */
export interface Ids {
  /**
   * Makes an id with the system's secure random source; it shares the leading characters of `successorOf` that the
   * backend requires.
   */
  readonly make: (successorOf?: string | undefined) => string
  /** Whether a string that a client sent has the form of this configuration's ids. No backend sees one that has not. */
  readonly check: (id: string) => boolean
  /** The id under which the backend keeps a session. */
  readonly stored: (id: string) => StoredId
}

/** The SHA-256 of an id, and of the app's name before it. No id and no name has a space. */
const hashing = (app: string): ((id: string) => StoredId) =>
  app === ""
    ? (id) => hash("sha256", id, "base64url") as StoredId
    : (id) => hash("sha256", `${app} ${id}`, "base64url") as StoredId

/** Whether a text can be an id that another app has made: visible ASCII, without a space. */
export const isAnyId = (id: string): boolean => /^[!-~]{1,255}$/.test(id)

/** The ids under which a backend keeps sessions, with so many characters of an id, after its prefix, as they are. */
export const storing = (
  hashed: boolean,
  app: string,
  prefix: string,
  inheritedChars: number
): ((id: string) => StoredId) => {
  const hashOf = hashing(app)
  const inherited = prefix.length + inheritedChars
  return !hashed
    ? (id) => id as StoredId
    : inheritedChars === 0
      ? hashOf
      : (id) => (id.slice(prefix.length, inherited) + hashOf(id).slice(inheritedChars)) as StoredId
}

export const makeIds = (
  config: SessionConfig,
  { inheritedIdChars: inheritedChars }: Pick<Capabilities, "inheritedIdChars">
): Ids => {
  const { bytes, encoding, hashed, prefix } = config.id
  const length = idLength(config.id)
  const alphabet = encoding === "hex" ? "0-9a-f" : "A-Za-z0-9_-"
  const pattern = new RegExp(`^${prefix}[${alphabet}]{${length - prefix.length}}$`)
  const inherited = prefix.length + inheritedChars
  // An app that shares the sessions may make its ids as it likes, and has signed them.
  const isAny = isSigned(config.cookie)
  return {
    make: (successorOf) => {
      const id = prefix + randomBytes(bytes).toString(encoding)
      return successorOf === undefined ? id : successorOf.slice(0, inherited) + id.slice(inherited)
    },
    // The length first: it bounds the text that the expression searches.
    check: isAny ? isAnyId : (id) => id.length === length && pattern.test(id),
    stored: storing(hashed !== false, config.app, prefix, inheritedChars)
  }
}
