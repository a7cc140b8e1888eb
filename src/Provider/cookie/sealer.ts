/**
 * Sessions sealed in text that clients keep, but can neither read nor change.
 *
 * A seal is base64url (RFC 4648, 5) of: version (1 byte), which tells the cipher, key hint (1), nonce (12 or 24), tag
 * (16), and, encrypted: flags (1), length of the session id (2), number of writes (4), created, expires, lifetime (8
 * each, milliseconds), session id, payload. The version and the name that it is sealed for are authenticated with it.
 * Numbers are big-endian.
 */
import { randomFillSync } from "node:crypto"
import { deflateRawSync } from "node:zlib"
import { type Cipher, tagLength } from "../internal/ciphers.js"
import type { Key } from "../internal/keyRing.js"
import { inflate, orUndefined } from "../internal/untrusted.js"
import type { Sealed } from "./SealedSessions.js"

export interface Sealer {
  /** Seals with the first cipher and key, for this name. The payload has at most `maxPayload` bytes. */
  readonly seal: (name: string, session: Sealed) => string
  /** Opens a seal for this name, with any of the ciphers and keys. Never throws. */
  readonly open: (name: string, seal: string) => Sealed | undefined
}

const nonceAt = 2
const headerBytes = 31
const deflated = 1

/** The largest number of bytes that a seal takes besides the payload: the longest session id has 224 characters. */
const overhead = nonceAt + 24 + tagLength + headerBytes + 224

/** The largest payload that certainly fits into a seal of so many characters. */
export const payloadIn = (characters: number): number => Math.floor((characters * 3) / 4) - overhead

/**
 * The buffers that all seals share: everything here is synchronous, and to allocate would take longer than the cipher.
 */
interface Buffers {
  readonly plain: Buffer
  readonly sealed: Buffer
}

export const makeSealer = (
  ciphers: readonly [Cipher, ...Array<Cipher>],
  keys: ReadonlyArray<Key>,
  {
    compress,
    maxPayload,
    maxSeal
  }: { readonly compress: boolean; readonly maxPayload: number; readonly maxSeal: number }
): Sealer => {
  const buffers: Buffers = {
    plain: Buffer.allocUnsafeSlow(maxPayload + overhead),
    sealed: Buffer.allocUnsafeSlow(Math.max(maxSeal, maxPayload + overhead))
  }
  const versions = ciphers.map((cipher) => versionOf(cipher, keys, buffers.sealed))
  const own = versions[0]!
  const nextNonce = nonces(own.nonce)
  return {
    seal: (name, session) => {
      const length = write(session, compress, buffers.plain)
      nextNonce()
      return encrypted(own, name, length, buffers)
    },
    open: (name, seal) => {
      const body = seal.length > maxSeal ? undefined : decrypted(versions, name, seal, buffers.sealed)
      return body === undefined ? undefined : read(body, maxPayload)
    }
  }
}

/** Writes the bytes to be encrypted, and returns their number. */
const write = (session: Sealed, compress: boolean, plain: Buffer): number => {
  const { createdAt, expiresAt, id, lifetime, payload, writes } = session
  const small = compress ? deflateRawSync(payload) : payload
  const isSmaller = small.length < payload.length
  const data = isSmaller ? small : payload
  plain[0] = isSmaller ? deflated : 0
  plain.writeUInt16BE(id.length, 1)
  plain.writeUInt32BE(writes, 3)
  plain.writeDoubleBE(createdAt, 7)
  plain.writeDoubleBE(expiresAt, 15)
  plain.writeDoubleBE(lifetime, 23)
  plain.write(id, headerBytes, "latin1")
  plain.set(data, headerBytes + id.length)
  return headerBytes + id.length + data.length
}

/** Reads decrypted bytes. Returns undefined if they were sealed with a configuration that allowed more. */
const read = (body: Buffer, maxPayload: number): Sealed | undefined => {
  const payloadAt = headerBytes + body.readUInt16BE(1)
  const data = body.subarray(payloadAt)
  const payload = body[0] === deflated ? inflate(data, maxPayload) : data
  return (
    payload && {
      id: body.toString("latin1", headerBytes, payloadAt),
      writes: body.readUInt32BE(3),
      createdAt: body.readDoubleBE(7),
      expiresAt: body.readDoubleBE(15),
      lifetime: body.readDoubleBE(23),
      payload
    }
  )
}

/** Fills `nonce` anew at each call. Random bytes are drawn in bulk. */
const nonces = (nonce: Buffer): (() => void) => {
  const random = Buffer.allocUnsafeSlow(nonce.length * 256)
  let used = random.length
  return () => {
    if (used === random.length) {
      randomFillSync(random)
      used = 0
    }
    random.copy(nonce, 0, used)
    used += nonce.length
  }
}

const encrypted = (own: Version, name: string, length: number, { plain, sealed }: Buffers): string => {
  const { bodyAt, keys, nonce, tag, version } = own
  const [key] = keys
  sealed[0] = version
  sealed[1] = key!.hint
  key!.encrypt(nonce, own.associated(name), plain.subarray(0, length), sealed.subarray(bodyAt, bodyAt + length), tag)
  return sealed.toString("base64url", 0, bodyAt + length)
}

const decrypted = (
  versions: ReadonlyArray<Version>,
  name: string,
  seal: string,
  sealed: Buffer
): Buffer | undefined => {
  const length = sealed.write(seal, 0, "base64url")
  const by = versions.find(({ version }) => version === sealed[0])
  // Decoding skips characters that are not base64url; only the canonical form of a seal is accepted.
  if (by === undefined || length < by.bodyAt + headerBytes || sealed.toString("base64url", 0, length) !== seal) {
    return undefined
  }
  const hint = sealed[1]
  for (const key of by.keys) {
    const body = key.hint === hint ? decryptedBy(key, by, name, sealed.subarray(by.bodyAt, length)) : undefined
    if (body !== undefined) {
      return body
    }
  }
  return undefined
}

type Version = ReturnType<typeof versionOf>

/** A cipher with its keys, and the offsets of its seals in the buffer. */
const versionOf = ({ nonceLength, purpose, version, withKey }: Cipher, keys: ReadonlyArray<Key>, sealed: Buffer) => {
  const tagAt = nonceAt + nonceLength
  const bodyAt = tagAt + tagLength
  let bound = { name: "", data: Buffer.alloc(0) }
  return {
    version,
    nonce: sealed.subarray(nonceAt, tagAt),
    tag: sealed.subarray(tagAt, bodyAt),
    bodyAt,
    keys: keys.map(({ derive, hint }) => ({ hint, ...withKey(derive(purpose)) })),
    /** The associated data. An app seals for one name, so the last result is kept. */
    associated: (name: string): Buffer => {
      if (bound.name !== name || bound.data.length === 0) {
        bound = { name, data: Buffer.from(`${version} ${name}`) }
      }
      return bound.data
    }
  }
}

const decryptedBy = (key: Version["keys"][number], by: Version, name: string, body: Buffer): Buffer | undefined =>
  orUndefined(() => key.decrypt(by.nonce, by.associated(name), body, by.tag))
