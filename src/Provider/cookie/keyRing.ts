/**
 * The keys of sealed cookies: turns the text that a user configures into keys for ciphers, and refuses text that is not
 * a random key.
 */
import { hkdfSync } from "node:crypto"
import * as Effect from "#effect/Effect"
import * as Redacted from "#effect/Redacted"
import { SessionError } from "../../SessionError.js"

export interface Key {
  /**
   * Derives 32 bytes with HKDF (RFC 5869) and this purpose as a label, so that the same text can be used elsewhere
   * without harm.
   */
  readonly derive: (purpose: string) => Buffer
  /** One byte that tells a seal's key, so that not all keys have to be tried. */
  readonly hint: number
}

const minBytes = 32

/** How to make a key. */
export const advice = `make a key with: node -e "console.log(require('node:crypto').randomBytes(32).toString('base64url'))"`

/** Turns each text into a key. Fails with `InvalidConfig`, which tells the position of a bad one and never its text. */
export const makeKeyRing = (
  keys: ReadonlyArray<Redacted.Redacted<string>>
): Effect.Effect<ReadonlyArray<Key>, SessionError> =>
  keys.length === 0
    ? invalid("keys: expected at least one")
    : Effect.forEach(keys, (key, i) => {
        const text = Redacted.value(key).trim()
        const bytes = decode(text)
        const wrong = bytes === undefined ? "expected base64, base64url or hex" : weakness(text, bytes)
        return wrong === undefined
          ? Effect.succeed(toKey(bytes!))
          : invalid(`keys: number ${i + 1} of ${keys.length}: ${wrong}`)
      })

const invalid = (message: string) =>
  Effect.fail(new SessionError({ reason: "InvalidConfig", message: `cookie: ${message}; ${advice}` }))

const isHex = (text: string): boolean => /^([0-9a-f]{2})*$/i.test(text)

const decode = (text: string): Buffer | undefined =>
  isHex(text)
    ? Buffer.from(text, "hex")
    : /^[A-Za-z0-9+/_-]*={0,2}$/.test(text)
      ? Buffer.from(text, "base64")
      : undefined

/**
 * Why these bytes cannot be random, if that is certain. Not one of a million random keys is refused: 32 random bytes
 * have 30 different values, and as many different steps from one to the next, give or take 2.
 */
const weakness = (text: string, bytes: Buffer): string | undefined => {
  if (bytes.length < minBytes) {
    return `it has ${bytes.length} bytes, and ${minBytes} random ones are needed`
  }
  const steps = bytes.subarray(1).map((byte, i) => byte - bytes[i]!)
  if (new Set(bytes).size < 20 || new Set(steps).size < 20) {
    return "it repeats itself, so it is not random"
  }
  const share = (pattern: RegExp) => text.replace(pattern, "").length / text.length
  return bytes.every((byte) => byte >= 32 && byte < 127) ||
    (!isHex(text) && (share(/[^a-z]/g) > 0.8 || share(/[^A-Z]/g) > 0.8))
    ? "it is text that someone wrote, so it is not random"
    : undefined
}

const toKey = (bytes: Buffer): Key => {
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync("sha256", bytes, "", `effect-session cookie ${purpose}`, minBytes))
  return { derive, hint: derive("hint")[0]! }
}
