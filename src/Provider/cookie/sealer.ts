/**
 * Sessions sealed in text that clients keep, and can neither read nor change.
 *
 * A seal is base64url (RFC 4648, 5) of: version (1 byte), which tells the cipher, key hint (1), nonce (12 or 24), tag (16), and,
 * encrypted: flags (1), length of the session id (2), number of writes (4), created, expires, lifetime (8 each, milliseconds), session id,
 * payload. The version and the cookie's name are authenticated along with it. Numbers are big-endian.
 */
import { randomFillSync } from "node:crypto"
import { deflateRawSync, inflateRawSync } from "node:zlib"
import { type Cipher, tagLength } from "./ciphers.js"
import type { Key } from "./keyRing.js"

/** What is in a seal. */
export interface Content {
  /** The session's id. */
  readonly id: string
  /** When the session got this id, in milliseconds since the epoch. */
  readonly createdAt: number
  readonly expiresAt: number
  /** The lifetime that it was sealed for, in milliseconds. */
  readonly lifetime: number
  /** How often the payload was written. */
  readonly writes: number
  readonly payload: Uint8Array
}

export interface Sealer {
  /** Seals with the first cipher and key, for a cookie of this name. The payload is `maxPayload` bytes at most. */
  readonly seal: (name: string, content: Content) => string
  /** What was sealed, with any of the ciphers and keys, for a cookie of this name. Never throws. */
  readonly open: (name: string, seal: string) => Content | undefined
}

const nonceAt = 2
const headerBytes = 31
const deflated = 1

/** The most bytes that a seal takes besides the payload: the longest session id has 224 characters. */
const overhead = nonceAt + 24 + tagLength + headerBytes + 224

/** The largest payload that is sure to fit into a seal of so many characters. */
export const payloadIn = (characters: number): number => Math.floor((characters * 3) / 4) - overhead

export const makeSealer = (
  ciphers: readonly [Cipher, ...Array<Cipher>],
  keys: ReadonlyArray<Key>,
  options: { readonly compress: boolean; readonly maxPayload: number; readonly maxSeal: number }
): Sealer => {
  const { compress, maxPayload, maxSeal } = options

  // Everything here is synchronous, so that one buffer of each kind serves all: allocating them would cost more than the cipher.
  const sealed = Buffer.allocUnsafeSlow(Math.max(maxSeal, maxPayload + overhead))
  const plain = Buffer.allocUnsafeSlow(maxPayload + overhead)

  const versions = ciphers.map((cipher) => versionOf(cipher, keys, sealed))
  const own = versions[0]!
  const random = Buffer.allocUnsafeSlow(own.nonce.length * 256)
  let used = random.length

  return {
    seal: (name, { createdAt, expiresAt, id, lifetime, payload, writes }) => {
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

      if (used === random.length) {
        randomFillSync(random)
        used = 0
      }
      const { bodyAt, keys, nonce, tag, version } = own
      const length = headerBytes + id.length + data.length
      sealed[0] = version
      sealed[1] = keys[0]!.hint
      random.copy(nonce, 0, used)
      used += nonce.length
      keys[0]!.encrypt(
        nonce,
        own.associated(name),
        plain.subarray(0, length),
        sealed.subarray(bodyAt, bodyAt + length),
        tag
      )
      return sealed.toString("base64url", 0, bodyAt + length)
    },

    open: (name, seal) => {
      if (seal.length > maxSeal) {
        return undefined
      }
      const length = sealed.write(seal, 0, "base64url")
      const by = versions.find(({ version }) => version === sealed[0])
      // Decoding passes over what is not base64url; only the one way to write a seal is good.
      if (by === undefined || length < by.bodyAt + headerBytes || sealed.toString("base64url", 0, length) !== seal) {
        return undefined
      }
      for (const key of by.keys) {
        const body = key.hint === sealed[1] ? decrypted(by, key, name, sealed.subarray(by.bodyAt, length)) : undefined
        if (body !== undefined) {
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
      }
      return undefined
    }
  }
}

type Version = ReturnType<typeof versionOf>

/** A cipher with its keys, and where its seals have what in the buffer. */
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
    /** The associated data: an app has one cookie name, so the last is the next. */
    associated: (name: string): Buffer => {
      if (bound.name !== name || bound.data.length === 0) {
        bound = { name, data: Buffer.from(`${version} ${name}`) }
      }
      return bound.data
    }
  }
}

const decrypted = (by: Version, key: Version["keys"][number], name: string, body: Buffer): Buffer | undefined => {
  // Ciphers tell a bad tag by an exception, whose stack trace would take longer than the rest.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return key.decrypt(by.nonce, by.associated(name), body, by.tag)
  } catch {
    return undefined
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** A seal is authentic, but may be of a configuration that allowed more. */
const inflate = (data: Buffer, maxOutputLength: number): Buffer | undefined => {
  try {
    return inflateRawSync(data, { maxOutputLength })
  } catch {
    return undefined
  }
}
