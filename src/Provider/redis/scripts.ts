/**
 * The scripts for the servers that have Lua (Redis, LedisDB), and the format of their records.
 *
 * A session is one string value, so that a read is one `GET`: 20 characters of revision, 16 digits of expiry
 * (milliseconds since the epoch, on the clock of the process that wrote it), then the payload. A mark is a value of its
 * own, under a key beside the session's. How long a key lives is counted by the server; the expiry in the record only
 * tells processes when to renew it.
 *
 * A call that lost its connection sends its script a second time, although the first may have been executed. Therefore a
 * script that finds its own new revision stored succeeds like the first time. If it then finds another record, that may
 * have come after its own: see {@link isNoRecord}.
 */
import { createHash, randomBytes } from "node:crypto"
import type { Revision, Stored } from "../Provider.js"

export const revisionLength = 20
const headLength = 36

/** A script. It is sent by its SHA-1, and in full only to a server that does not have it yet. */
export interface Script {
  readonly source: string
  readonly sha: string
  /** Whether its change must not be lost, so that it waits for replicas if the user configured that. */
  readonly durable: boolean
  /** Whether it may be executed a second time, when the reply to the first got lost. */
  readonly repeatable: boolean
}

export const script = (source: string, { durable = true, repeatable = false } = {}): Script => ({
  source,
  sha: createHash("sha1").update(source).digest("hex"),
  durable,
  repeatable
})

/** The scripts. They return 1 if they took effect, false if there is no session, or the record that is there instead. */
export interface Scripts {
  /** KEYS: id, its mark if it can have one. ARGV: record, ttl. Returns false if the id is taken, or marked. */
  readonly create: Script
  /** KEYS: id. ARGV: new record, ttl, expected revision. */
  readonly write: Script
  /** KEYS: id. ARGV: digits of the expiry, ttl. */
  readonly touch: Script
  /** KEYS: id, its mark if it can have one. ARGV: the mark's content and its ttl, or none. */
  readonly destroy: Script
  /** KEYS: old id, new id, the old id's mark. ARGV: those of `write`, then those of `destroy`. */
  readonly regenerate: Script
}

/**
 * Whether the reply to a script that was sent a second time tells what became of the first. A record does not: either it
 * was there before, or another process has replaced the script's own by it.
 */
export const isNoRecord = (reply: unknown): boolean => !Buffer.isBuffer(reply)

/** The differences between servers' Lua. */
export interface Dialect {
  /** The function that executes a command. */
  readonly call: string
  /** The call that stores a `value` at a `key` for a `ttl` in milliseconds. */
  readonly store: (key: string, value: string, ttl: string) => string
  /** The call that sets a key's lifetime, and is 0 if there is no such key. */
  readonly expire: (key: string, ttl: string) => string
  /** The statement that tells those who listen that the session at a `key` has ended or moved, if the server can. */
  readonly tell?: (key: string) => string
  /** The statement that passes on the result of `run()`: a number, a string or false. */
  readonly answer: string
}

/**
 * Makes the scripts of a dialect. A call from Lua costs the server about as much as starting the script, so each makes as
 * few as it can, and what can be computed is computed by the client.
 */
export const makeScripts = ({ answer, call, expire, store, tell = () => "" }: Dialect): Scripts => {
  const dialect = (body: string, durable = true): Script =>
    script(`local call = ${call}\nlocal function run()\n  ${body.trim().replaceAll("\n", "\n  ")}\nend\n${answer}`, {
      durable,
      repeatable: true
    })
  const revisionAt = (key: string) => `(call('GETRANGE', ${key}, 0, ${revisionLength - 1}) or '')`
  const revisionIn = (record: string) => `string.sub(${record}, 1, ${revisionLength})`
  return {
    create: dialect(`
local found = ${revisionAt("KEYS[1]")}
if found == '' and call('EXISTS', KEYS[2] or KEYS[1]) == 0 then
  ${store("KEYS[1]", "ARGV[1]", "ARGV[2]")}
  return 1
end
return found == ${revisionIn("ARGV[1]")} and 1`),
    write: dialect(`
local found = ${revisionAt("KEYS[1]")}
if found == ARGV[3] then
  ${store("KEYS[1]", "ARGV[1]", "ARGV[2]")}
  return 1
end
return found == ${revisionIn("ARGV[1]")} and 1 or call('GET', KEYS[1])`),
    // The lifetime first: a Redis whose memory is full still allows that, and then the write after it.
    touch: dialect(
      `
if ${expire("KEYS[1]", "ARGV[2]")} == 0 then return false end
call('SETRANGE', KEYS[1], ${revisionLength}, ARGV[1])
return 1`,
      false
    ),
    // The mark first: if a server lets other clients read between two commands, they never see the id without session
    // and mark. The lifetime before that, as in touch: its result says whether there is a session.
    destroy: dialect(`
if ARGV[1] then
  if ${expire("KEYS[1]", "ARGV[2]")} == 0 then return false end
  ${store("KEYS[2]", "ARGV[1]", "ARGV[2]")}
end
local ended = call('DEL', KEYS[1])
if ended == 1 and KEYS[2] then ${tell("KEYS[1]")} end
return ended`),
    // The new session first: whatever fails, the old one is still there.
    regenerate: dialect(`
local found = ${revisionAt("KEYS[1]")}
if found ~= ARGV[3] then
  if found == '' and ${revisionAt("KEYS[2]")} == ${revisionIn("ARGV[1]")} then return 1 end
  return call('GET', KEYS[1])
end
${store("KEYS[2]", "ARGV[1]", "ARGV[2]")}
if ARGV[4] then ${store("KEYS[3]", "ARGV[4]", "ARGV[5]")} end
call('DEL', KEYS[1])
${tell("KEYS[1]")}
return 1`)
  }
}

export const encode = (revision: string, expiresAt: number, payload: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(revision + digits(expiresAt), "latin1"), payload])

/** The expiry as a record has it. */
export const digits = (expiresAt: number): string => String(expiresAt).padStart(headLength - revisionLength, "0")

/** Decodes a record. Returns undefined if the value is not one. */
export const decode = (record: Buffer, revision: Revision): Stored | undefined => {
  const expiresAt = Number(record.toString("latin1", revisionLength, headLength))
  return record.length < headLength || Number.isNaN(expiresAt)
    ? undefined
    : { payload: record.subarray(headLength), revision, expiresAt }
}

/** Makes a source of revisions that no other source makes: a random name of this source and a counter. */
export const revisions = (): (() => Revision) => {
  const source = randomBytes(9).toString("base64url")
  let count = 0
  return () => (source + (++count).toString(36).padStart(revisionLength - source.length, "0")) as Revision
}
