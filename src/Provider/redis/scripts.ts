/**
 * The Lua scripts for the servers that have Lua (Redis, LedisDB), and the format of their records.
 *
 * A session is one string value, so that a read is one `GET`: 20 characters of revision, 16 digits of expiry
 * (milliseconds since the epoch), then the payload. A mark is a value of its own, under a key beside the session's. The
 * scripts set the server's own expiry and write that expiry into the record in the same step, both from the server's
 * clock: no client's clock decides how long a session lives.
 *
 * A client that lost its connection may send a script a second time, although the first was executed. Therefore a
 * script that finds its own new revision stored returns the same result as the first time.
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
}

export const script = (source: string, durable = true): Script => ({
  source,
  sha: createHash("sha1").update(source).digest("hex"),
  durable
})

/**
 * The scripts. They return the new expiry if they took effect, false if there is no session, or the record that is
 * there instead.
 */
export interface Scripts {
  /** KEYS: id, its mark. ARGV: revision, ttl, payload. Returns false if the id is taken, or marked. */
  readonly create: Script
  /** KEYS: id. ARGV: new revision, ttl, payload, expected revision. */
  readonly write: Script
  /** KEYS: id. ARGV: ttl. */
  readonly touch: Script
  /** KEYS: id, its mark. ARGV: the mark's content and its ttl, or none. */
  readonly destroy: Script
  /** KEYS: old id, new id, the old id's mark. ARGV: those of `write`, then those of `destroy`. */
  readonly regenerate: Script
}

/**
 * The differences between servers' Lua. The statements can use `key`, `value` and `ttl` (milliseconds), and `seconds`:
 * a server that counts in whole seconds uses it to expire a key at the first full second after its lifetime, never
 * before.
 */
export interface Dialect {
  /** The function that executes a command. */
  readonly call: string
  /** The statement that stores a value for a lifetime. */
  readonly store: string
  /** The expression that sets a key's lifetime, and is 0 if there is no such key. */
  readonly expire: string
  /** The statement that passes on the result of `run()`: a number, a string or false. */
  readonly answer: string
}

/**
 * Makes the scripts of a dialect. Each is a function `run()` between shared functions and the dialect's statement that
 * passes on its result. For example `write` for Redis, with only those functions that it uses:
 *
 * ```lua
 * local call = redis.call
 * local function expiryIn(ttl)
 *   local time = call('TIME')
 *   local expiry = time[1] * 1000 + math.floor(time[2] / 1000) + ttl
 *   return expiry, string.format('%016.0f', expiry), string.format('%.0f', math.ceil(expiry / 1000) - time[1])
 * end
 * local function store(key, revision, ttl, payload)
 *   local expiry, digits, seconds = expiryIn(ttl)
 *   local value = revision .. digits .. payload
 *   call('SET', key, value, 'PX', ttl)
 *   return expiry
 * end
 * local function revisionOf(key)
 *   return call('GETRANGE', key, 0, 19) or ''
 * end
 * local function expiryOf(key)
 *   return tonumber(call('GETRANGE', key, 20, 35))
 * end
 * local function run()
 *   local found = revisionOf(KEYS[1])
 *   if found == ARGV[1] then return expiryOf(KEYS[1]) end
 *   if found ~= ARGV[4] then return call('GET', KEYS[1]) end
 *   return store(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
 * end
 * return run()
 * ```
 */
export const makeScripts = ({ answer, call, expire, store }: Dialect): Scripts => {
  const dialect = (body: string, durable = true): Script =>
    script(
      `
local call = ${call}
local function expiryIn(ttl)
  local time = call('TIME')
  local expiry = time[1] * 1000 + math.floor(time[2] / 1000) + ttl
  return expiry, string.format('%016.0f', expiry), string.format('%.0f', math.ceil(expiry / 1000) - time[1])
end
local function store(key, revision, ttl, payload)
  local expiry, digits, seconds = expiryIn(ttl)
  local value = revision .. digits .. payload
  ${store}
  return expiry
end
local function leave(key, ttl, value)
  local expiry, digits, seconds = expiryIn(ttl)
  ${store}
end
local function revisionOf(key)
  return call('GETRANGE', key, 0, ${revisionLength - 1}) or ''
end
local function expiryOf(key)
  return tonumber(call('GETRANGE', key, ${revisionLength}, ${headLength - 1}))
end
local function run()
  ${body.trim().replaceAll("\n", "\n  ")}
end
${answer}`,
      durable
    )
  return {
    create: dialect(`
local found = revisionOf(KEYS[1])
if found == ARGV[1] then return expiryOf(KEYS[1]) end
if found ~= '' or call('EXISTS', KEYS[2]) == 1 then return false end
return store(KEYS[1], ARGV[1], ARGV[2], ARGV[3])`),
    write: dialect(`
local found = revisionOf(KEYS[1])
if found == ARGV[1] then return expiryOf(KEYS[1]) end
if found ~= ARGV[4] then return call('GET', KEYS[1]) end
return store(KEYS[1], ARGV[1], ARGV[2], ARGV[3])`),
    // The lifetime first: a Redis whose memory is full still allows that, and then the write after it.
    touch: dialect(
      `
local key, ttl = KEYS[1], ARGV[1]
local expiry, digits, seconds = expiryIn(ttl)
if ${expire} == 0 then return false end
call('SETRANGE', key, ${revisionLength}, digits)
return expiry`,
      false
    ),
    // The mark first: if a server lets other clients read between two commands, they never see the id without session
    // and mark. The lifetime before that, as in touch: its result says whether there is a session.
    destroy: dialect(`
if ARGV[1] then
  local key, ttl = KEYS[1], ARGV[2]
  local expiry, digits, seconds = expiryIn(ttl)
  if ${expire} == 0 then return false end
  leave(KEYS[2], ttl, ARGV[1])
end
return call('DEL', KEYS[1])`),
    // The new session first: whatever fails, the old one is still there.
    regenerate: dialect(`
local found = revisionOf(KEYS[1])
if found ~= ARGV[4] then
  if found == '' and revisionOf(KEYS[2]) == ARGV[1] then return expiryOf(KEYS[2]) end
  return call('GET', KEYS[1])
end
local expiry = store(KEYS[2], ARGV[1], ARGV[2], ARGV[3])
if ARGV[5] then leave(KEYS[3], ARGV[6], ARGV[5]) end
call('DEL', KEYS[1])
return expiry`)
  }
}

/** Decodes a record. Returns undefined if the value is not one. */
export const decode = (record: Buffer): Stored | undefined => {
  const expiresAt = Number(record.toString("latin1", revisionLength, headLength))
  return record.length < headLength || Number.isNaN(expiresAt)
    ? undefined
    : {
        payload: record.subarray(headLength),
        revision: record.toString("latin1", 0, revisionLength) as Revision,
        expiresAt
      }
}

/** Makes a source of revisions that no other source makes: a random name of this source and a counter. */
export const revisions = (): (() => Revision) => {
  const source = randomBytes(9).toString("base64url")
  let count = 0
  return () => (source + (++count).toString(36).padStart(revisionLength - source.length, "0")) as Revision
}
