/**
 * The ciphers of sealed sessions, each authenticated encryption with associated data (RFC 5116): AES-256-GCM with
 * `node:crypto`, and XChaCha20-Poly1305 with libsodium, which takes about half the time for a session of usual size.
 */
import { createCipheriv, createDecipheriv, createSecretKey } from "node:crypto"
import * as Effect from "#effect/Effect"
import type { SessionError } from "../../SessionError.js"
import { driver } from "./driver.js"

export interface Cipher {
  /** The first byte of its seals. */
  readonly version: number
  readonly nonceLength: number
  /** The label with which its keys are derived, so that no two ciphers share a key. */
  readonly purpose: string
  /** A key has 32 bytes. */
  readonly withKey: (key: Buffer) => KeyedCipher
}

export interface KeyedCipher {
  /** Encrypts `plain` into `body`, of the same length, and fills the tag. */
  readonly encrypt: (nonce: Buffer, data: Buffer, plain: Buffer, body: Buffer, tag: Buffer) => void
  /** Throws if the tag does not belong to the rest. */
  readonly decrypt: (nonce: Buffer, data: Buffer, body: Buffer, tag: Buffer) => Buffer
}

export const tagLength = 16

const algorithm = "aes-256-gcm"
const options = { authTagLength: tagLength }

/** NIST SP 800-38D. */
export const aesGcm: Cipher = {
  version: 1,
  nonceLength: 12,
  purpose: "seal",
  withKey: (key) => {
    const secret = createSecretKey(key)
    return {
      encrypt: (nonce, data, plain, body, tag) => {
        const cipher = createCipheriv(algorithm, secret, nonce, options)
        cipher.setAAD(data)
        body.set(cipher.update(plain))
        cipher.final()
        tag.set(cipher.getAuthTag())
      },
      decrypt: (nonce, data, body, tag) => {
        const decipher = createDecipheriv(algorithm, secret, nonce, options)
        decipher.setAAD(data)
        decipher.setAuthTag(tag)
        const plain = decipher.update(body)
        decipher.final()
        return plain
      }
    }
  }
}

/** draft-irtf-cfrg-xchacha-03. Fails with `InvalidConfig` if `sodium-native` cannot be loaded. */
const xchacha: Effect.Effect<Cipher, SessionError> = Effect.map(
  driver("cookie: cipher", "sodium-native"),
  ({ default: sodium }): Cipher => ({
    version: 2,
    nonceLength: 24,
    purpose: "seal xchacha20-poly1305",
    withKey: (key) => ({
      encrypt: (nonce, data, plain, body, tag) =>
        sodium.crypto_aead_xchacha20poly1305_ietf_encrypt_detached(body, tag, plain, data, null, nonce, key),
      decrypt: (nonce, data, body, tag) => {
        const plain = Buffer.allocUnsafe(body.length)
        sodium.crypto_aead_xchacha20poly1305_ietf_decrypt_detached(plain, null, body, tag, data, nonce, key)
        return plain
      }
    })
  })
)

/** The ciphers for each value of the cookie's option: the first one seals, all of them open. */
export const ciphers: Readonly<
  Record<"aes-256-gcm" | "xchacha20-poly1305", Effect.Effect<readonly [Cipher, ...Array<Cipher>], SessionError>>
> = {
  "aes-256-gcm": Effect.succeed([aesGcm]),
  "xchacha20-poly1305": Effect.map(xchacha, (cipher) => [cipher, aesGcm])
}
