/**
 * Sessions sealed in text that clients keep, and can neither read nor change: AES-256-GCM (NIST SP 800-38D) from `node:crypto`.
 *
 * A seal is base64url (RFC 4648, 5) of: version (1 byte), key hint (1), nonce (12), tag (16), and, encrypted: flags (1), length of
 * the session id (2), number of writes (4), created, expires, lifetime (8 each, milliseconds), session id, payload. The version and
 * the cookie's name are authenticated along with it. Numbers are big-endian.
 */
import { createCipheriv, createDecipheriv, randomFillSync } from "node:crypto"
import { deflateRawSync, inflateRawSync } from "node:zlib"
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
  /** Seals with the first key, for a cookie of this name. The payload is `maxPayload` bytes at most. */
  readonly seal: (name: string, content: Content) => string
  /** What was sealed, with any of the keys, for a cookie of this name. Never throws. */
  readonly open: (name: string, seal: string) => Content | undefined
}

const algorithm = "aes-256-gcm"
const cipherOptions = { authTagLength: 16 }
const version = 1
const nonceAt = 2
const tagAt = 14
const bodyAt = 30
const headerBytes = 31
const deflated = 1

/** The most bytes that a seal takes besides the payload: the longest session id has 224 characters. */
const overhead = bodyAt + headerBytes + 224

/** The largest payload that is sure to fit into a seal of so many characters. */
export const payloadIn = (characters: number): number => Math.floor((characters * 3) / 4) - overhead

export const makeSealer = (
  keys: ReadonlyArray<Key>,
  options: { readonly compress: boolean; readonly maxPayload: number; readonly maxSeal: number }
): Sealer => {
  const { compress, maxPayload, maxSeal } = options
  const first = keys[0]!

  // Everything here is synchronous, so that one buffer of each kind serves all: allocating them would cost more than the cipher.
  const sealed = Buffer.allocUnsafeSlow(Math.max(maxSeal, maxPayload + overhead))
  const nonce = sealed.subarray(nonceAt, tagAt)
  const tag = sealed.subarray(tagAt, bodyAt)
  const plain = Buffer.allocUnsafeSlow(maxPayload + overhead)
  const random = Buffer.allocUnsafeSlow(nonce.length * 256)
  let used = random.length

  let bound = { name: "", data: Buffer.alloc(0) }
  /** The associated data: an app has one cookie name, so the last is the next. */
  const associated = (name: string): Buffer => {
    if (bound.name !== name || bound.data.length === 0) {
      bound = { name, data: Buffer.from(`${version} ${name}`) }
    }
    return bound.data
  }

  const decrypt = (key: Key, name: string, length: number): Buffer | undefined => {
    // Node tells a bad tag by an exception, whose stack trace would take longer than the rest.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    try {
      const decipher = createDecipheriv(algorithm, key.secret, nonce, cipherOptions)
      decipher.setAAD(associated(name))
      decipher.setAuthTag(tag)
      const body = decipher.update(sealed.subarray(bodyAt, length))
      decipher.final()
      return body
    } catch {
      return undefined
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
  }

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
      sealed[0] = version
      sealed[1] = first.hint
      random.copy(nonce, 0, used)
      used += nonce.length
      const cipher = createCipheriv(algorithm, first.secret, nonce, cipherOptions)
      cipher.setAAD(associated(name))
      const body = cipher.update(plain.subarray(0, headerBytes + id.length + data.length))
      cipher.final()
      sealed.set(cipher.getAuthTag(), tagAt)
      sealed.set(body, bodyAt)
      return sealed.toString("base64url", 0, bodyAt + body.length)
    },

    open: (name, seal) => {
      if (seal.length > maxSeal) {
        return undefined
      }
      const length = sealed.write(seal, 0, "base64url")
      // Decoding passes over what is not base64url; only the one way to write a seal is good.
      if (length < bodyAt + headerBytes || sealed[0] !== version || sealed.toString("base64url", 0, length) !== seal) {
        return undefined
      }
      for (const key of keys) {
        const body = key.hint === sealed[1] ? decrypt(key, name, length) : undefined
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

/** A seal is authentic, but may be of a configuration that allowed more. */
const inflate = (data: Buffer, maxOutputLength: number): Buffer | undefined => {
  try {
    return inflateRawSync(data, { maxOutputLength })
  } catch {
    return undefined
  }
}
