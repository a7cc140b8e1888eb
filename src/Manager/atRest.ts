/**
 * What backends get: sessions, people's lists and marks, sealed if the app asks for it, and large sessions compressed.
 * Above this, nobody sees sealed bytes; below it, nobody sees plain ones.
 *
 * A record that is neither sealed nor compressed is as the format of sessions wrote it. Any other begins with the byte
 * 0xC1, which begins no text and no MessagePack, and a byte for its form: 0 neither, 1 sealed with a key, 2 sealed with
 * the session's id, and 16 more if the session is compressed (RFC 1951). A seal follows: a byte that tells its key,
 * AES-256-GCM's nonce (12 bytes), tag (16) and ciphertext. Each record has a key of its own, HMAC-SHA-256 of its context
 * keyed with the app's key or the session's id. The context is authenticated too: form, app, kind of record, stored id.
 */
import { randomBytes } from "node:crypto"
import { deflateRawSync } from "node:zlib"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { toBuffer } from "../internal/bytes.js"
import { aesGcm, tagLength } from "../Provider/internal/ciphers.js"
import { makeKeyRing } from "../Provider/internal/keyRing.js"
import { inflate, orUndefined } from "../Provider/internal/untrusted.js"
import type { Mark, Records, StoredId } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { SessionConfig } from "./configSchema.js"
import { keyUnder } from "./people/sealedById.js"

/** The kinds of records. One that is copied to a place of another kind does not open there. */
export type Kind = "session" | "person" | "mark"

export interface AtRest {
  /** How many bytes a record has more than its content, at most. */
  readonly overhead: number
  /** Whether a session opens with its id alone, which only its client has. */
  readonly byId: boolean
  /** Whether records stay as they are: nothing is sealed. */
  readonly plain: boolean
  /** What to store at `ref`. `id` is the session's, if it is a session. */
  readonly seal: (kind: Kind, ref: StoredId, id: string | undefined, content: Uint8Array) => Uint8Array
  /**
   * The content of what is stored at `ref`; undefined if it was forged, damaged, sealed for another place, with another
   * key or with an id that is not given. Never throws.
   */
  readonly open: (kind: Kind, ref: StoredId, id: string | undefined, stored: Uint8Array) => Uint8Array | undefined
}

const first = 0xc1
const sealedWith = { key: 1, id: 2 }
const compressed = 16
const hintAt = 2
const nonceAt = 3
const tagAt = nonceAt + aesGcm.nonceLength
const bodyAt = tagAt + tagLength

/** Whether a record has a form of its own. */
const isForm = (stored: Uint8Array): boolean => stored.length >= 2 && stored[0] === first

/** Compressed bytes, if they are fewer. */
const smaller = (content: Uint8Array, room: number): Uint8Array | undefined => {
  const deflated = deflateRawSync(content)
  return deflated.length + room < content.length ? deflated : undefined
}

/** What seals: the app's keys, the first of which is used, or the session's id. */
interface Sealer {
  readonly form: number
  /** The key of a record, and its hint. Undefined if it is not known. */
  readonly own: (context: string, id: string | undefined) => readonly [hint: number, key: Buffer]
  readonly all: (context: string, id: string | undefined, hint: number) => ReadonlyArray<Buffer>
}

const byId: Sealer = {
  form: sealedWith.id,
  own: (context, id) => [0, keyUnder(id!, context)],
  all: (context, id, hint) => (id === undefined || hint !== 0 ? [] : [keyUnder(id, context)])
}

const byKeys = (keys: Parameters<typeof makeKeyRing>[0]): Effect.Effect<Sealer, SessionError> =>
  Effect.map(makeKeyRing(keys, "at rest"), (ring): Sealer => {
    const secrets = ring.map(({ derive, hint }) => ({ hint, secret: derive("seal") }))
    const [{ hint, secret }] = secrets as [(typeof secrets)[number]]
    return {
      form: sealedWith.key,
      own: (context) => [hint, keyUnder(secret, context)],
      all: (context, _, hint) =>
        secrets.filter((one) => one.hint === hint).map(({ secret }) => keyUnder(secret, context))
    }
  })

const encrypt = (
  form: number,
  context: string,
  [hint, key]: ReturnType<Sealer["own"]>,
  content: Uint8Array
): Buffer => {
  const sealed = Buffer.allocUnsafe(bodyAt + content.length)
  const [nonce, tag, body] = partsOf(sealed)
  sealed[0] = first
  sealed[1] = form
  sealed[hintAt] = hint
  nonce.set(randomBytes(aesGcm.nonceLength))
  aesGcm.withKey(key).encrypt(nonce, Buffer.from(context), toBuffer(content), body, tag)
  return sealed
}

const partsOf = (sealed: Buffer) =>
  [sealed.subarray(nonceAt, tagAt), sealed.subarray(tagAt, bodyAt), sealed.subarray(bodyAt)] as const

const decrypt = (sealed: Buffer, context: string, key: Buffer): Buffer | undefined => {
  const [nonce, tag, body] = partsOf(sealed)
  return orUndefined(() => aesGcm.withKey(key).decrypt(nonce, Buffer.from(context), body, tag))
}

/** How much a session may have when it is decompressed, if it may not have more by the configuration. */
const mostInflated = 1024 * 1024

/** Makes what stands between the format of sessions and the backend. Fails with `InvalidConfig` if a key is weak. */
export const makeAtRest = ({ app, atRest, compress, maxBytes }: SessionConfig): Effect.Effect<AtRest, SessionError> => {
  const { keys = undefined, migrating = false } = atRest === "id" ? { keys: atRest } : (atRest ?? {})
  const bound = Math.max(maxBytes, mostInflated)
  const make = (sealer: Sealer | undefined): AtRest => {
    const isSealed = (kind: Kind) => sealer !== undefined && (kind === "session" || sealer.form === sealedWith.key)
    const contextOf = (form: number, kind: Kind, ref: StoredId) =>
      `effect-session at rest ${form} ${app} ${kind} ${ref}`
    return {
      overhead: sealer === undefined ? 0 : bodyAt,
      byId: sealer?.form === sealedWith.id,
      plain: sealer === undefined,
      seal: (kind, ref, id, content) => {
        const sealing = isSealed(kind) && migrating !== "unseal" ? sealer : undefined
        const small =
          compress !== undefined && kind === "session" && content.length > compress.over
            ? smaller(content, sealing === undefined ? 2 : 0)
            : undefined
        if (sealing === undefined) {
          return small === undefined ? content : Buffer.concat([Buffer.from([first, compressed]), small])
        }
        const form = sealing.form + (small === undefined ? 0 : compressed)
        const context = contextOf(form, kind, ref)
        return encrypt(form, context, sealing.own(context, id), small ?? content)
      },
      open: (kind, ref, id, stored) => {
        const form = isForm(stored) ? stored[1]! : 0
        const isCompressed = (form & compressed) !== 0
        if (sealer !== undefined && form % compressed === sealer.form && isSealed(kind)) {
          const sealed = toBuffer(stored)
          if (sealed.length < bodyAt || form > sealer.form + compressed) {
            return undefined
          }
          const context = contextOf(form, kind, ref)
          for (const key of sealer.all(context, id, sealed[hintAt]!)) {
            const content = decrypt(sealed, context, key)
            if (content !== undefined) {
              return isCompressed ? inflate(content, bound) : content
            }
          }
          return undefined
        }
        if (isSealed(kind) && migrating === false) {
          return undefined
        }
        // A format of the app's own may begin with the same byte.
        return (form === compressed && kind === "session" ? inflate(stored.subarray(2), bound) : undefined) ?? stored
      }
    }
  }
  return keys === undefined
    ? Effect.succeed(make(undefined))
    : keys === "id"
      ? Effect.succeed(make(byId))
      : Effect.map(byKeys(keys), make)
}

/** People's records, sealed with the app's keys. */
export const sealedRecords = (
  records: Records<SessionError>,
  { byId, open, plain, seal }: AtRest
): Records<SessionError> => {
  if (plain || byId) {
    return records
  }
  /** What does not open is passed on as it is: it is no list, and reported as one that cannot be read. */
  const opened = <A extends { readonly payload: Uint8Array }>(id: StoredId, stored: A): A => ({
    ...stored,
    payload: open("person", id, undefined, stored.payload) ?? stored.payload
  })
  return {
    read: (id) =>
      Effect.map(
        records.read(id),
        Option.map((stored) => opened(id, stored))
      ),
    create: (id, payload, ttl) => records.create(id, seal("person", id, undefined, payload), ttl),
    write: (id, payload, ttl, revision) =>
      Effect.map(records.write(id, seal("person", id, undefined, payload), ttl, revision), (result) =>
        result._tag === "Conflict" && result.current !== undefined
          ? { ...result, current: opened(id, result.current) }
          : result
      ),
    destroy: records.destroy
  }
}

/** The mark to leave at `ref`. One without content says no more than that a record was there, and is left as it is. */
export const sealedMark = ({ plain, seal }: AtRest, ref: StoredId, mark: Mark): Mark =>
  plain || mark.content.length === 0 ? mark : { ...mark, content: seal("mark", ref, undefined, mark.content) }

/** The content of the mark at `ref`; undefined if this app has not left it, or left it sealed in another way. */
export const openMark = ({ open }: AtRest, ref: StoredId, content: Uint8Array): Uint8Array | undefined => {
  const opened = content.length === 0 ? content : open("mark", ref, undefined, content)
  return opened?.[0] === first ? undefined : opened
}
