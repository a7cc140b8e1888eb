/**
 * beego's seal, `encodeCookie` and `decodeCookie`: AES-CTR, then HMAC-SHA256 over the name, the time and the encrypted
 * payload, in base64url with its padding, twice. The format is beego's choice (ours is in `cookie/sealer.ts`), but it
 * is sound if both keys are random.
 */
import { createCipheriv, createDecipheriv, createHmac, hash, randomBytes, timingSafeEqual } from "node:crypto"

export interface Keys {
  /** The HMAC's key, and the name that it covers. */
  readonly securityKey: string
  readonly securityName: string
  /** The AES key itself: 16, 24 or 32 bytes. */
  readonly blockKey: string
}

export interface Sealed {
  /** When it was sealed, in Unix seconds. */
  readonly sealedAt: number
  readonly payload: Uint8Array
}

export interface Sealer {
  /** Returns the cookie's value, which is sent in the form of `url.QueryEscape`: with `%3D` for each `=`. */
  readonly seal: (content: Sealed) => string
  /** Opens a seal that was made with these keys at any time. The value may be escaped or not. Never throws. */
  readonly open: (value: string) => Sealed | undefined
}

/**
 * Names a seal without revealing it. The name is the same whether the value is escaped or not, and different for every
 * seal.
 */
export const nameOf = (value: string): string => hash("sha256", unescaped(value), "base64url")

/** Undoes `url.QueryEscape`. */
const unescaped = (value: string): string => value.replaceAll(/%3d/gi, "=")

const ivBytes = 16
const macBytes = 32

export const makeSealer = ({ blockKey, securityKey, securityName }: Keys): Sealer => {
  const key = Buffer.from(blockKey)
  const algorithm = `aes-${key.length * 8}-ctr`
  const macOf = (signed: string): Buffer =>
    createHmac("sha256", securityKey).update(`${securityName}|${signed}`).digest()
  return {
    seal: ({ payload, sealedAt }) => {
      const iv = randomBytes(ivBytes)
      const inner = encode(Buffer.concat([iv, createCipheriv(algorithm, key, iv).update(payload)]))
      const signed = `${sealedAt}|${inner}|`
      return encode(Buffer.concat([Buffer.from(signed), macOf(signed)]))
    },
    open: (value) => {
      const outer = decode(unescaped(value))
      const signed = outer === undefined ? undefined : /^(\d{1,10})\|([A-Za-z0-9_=-]*)\|$/.exec(signedPart(outer))
      if (outer === undefined || !signed || !timingSafeEqual(outer.subarray(-macBytes), macOf(signed[0]))) {
        return undefined
      }
      const inner = decode(signed[2]!)
      return inner === undefined || inner.length < ivBytes
        ? undefined
        : {
            sealedAt: Number(signed[1]),
            payload: createDecipheriv(algorithm, key, inner.subarray(0, ivBytes)).update(inner.subarray(ivBytes))
          }
    }
  }
}

const signedPart = (outer: Buffer): string => outer.toString("latin1", 0, Math.max(0, outer.length - macBytes))

/** RFC 4648, 5, with padding. */
const encode = (bytes: Buffer): string => {
  const text = bytes.toString("base64url")
  return text + "=".repeat((4 - (text.length % 4)) % 4)
}

/** Decoding skips characters that are not base64url; only the canonical form is accepted. */
const decode = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, "base64url")
  return encode(bytes) === text ? bytes : undefined
}

/** The largest payload whose seal is sent as at most so many characters, for any padding and time. */
export const payloadIn = (characters: number): number => {
  const bytesIn = (characters: number) => Math.floor(characters / 4) * 3
  // The padding has at most two characters, which are sent as three each.
  const inner = bytesIn(characters - 4) - "4294967295||".length - macBytes
  return bytesIn(inner) - ivBytes
}
