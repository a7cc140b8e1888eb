/**
 * Seals a text under a session's id, which only its client has: a backend that keeps the seal cannot read it.
 *
 * A seal is AES-256-GCM's nonce (12 bytes), ciphertext and tag (16 bytes). Its key is HMAC-SHA-256 of the purpose, keyed
 * with the id: another value than the id's SHA-256, which the backend knows.
 */
import { createCipheriv, createDecipheriv, createHmac, hash, randomBytes } from "node:crypto"

/** What a seal is for: one made for one purpose does not open as another. */
export type Purpose = "principal" | "successor"

const cipher = "aes-256-gcm"
const nonceLength = 12
const tagLength = 16

/** The longest key that HMAC-SHA-256 takes as it is, in bytes. */
const blockLength = 64

/**
 * The key for a purpose. HMAC would replace a secret of more than a block by its SHA-256, which a backend has as the
 * session's name: such a secret is replaced by its SHA-512 instead.
 */
export const keyUnder = (secret: string | Buffer, purpose: string): Buffer =>
  createHmac("sha256", secret.length > blockLength ? hash("sha512", secret, "buffer") : secret)
    .update(purpose)
    .digest()

const keyFor = (purpose: Purpose, id: string): Buffer => keyUnder(id, `effect-session ${purpose}`)

export const sealUnder = (id: string, purpose: Purpose, text: string): Buffer => {
  const nonce = randomBytes(nonceLength)
  const sealing = createCipheriv(cipher, keyFor(purpose, id), nonce)
  return Buffer.concat([nonce, sealing.update(text, "utf8"), sealing.final(), sealing.getAuthTag()])
}

/** Opens a seal; undefined if it was not made under this id for this purpose. */
export const unsealUnder = (id: string, purpose: Purpose, seal: Uint8Array): string | undefined => {
  if (seal.length < nonceLength + tagLength) {
    return undefined
  }
  const opening = createDecipheriv(cipher, keyFor(purpose, id), seal.subarray(0, nonceLength))
  opening.setAuthTag(seal.subarray(seal.length - tagLength))
  const text = opening.update(seal.subarray(nonceLength, seal.length - tagLength))
  try {
    return Buffer.concat([text, opening.final()]).toString()
  } catch {
    return undefined
  }
}
