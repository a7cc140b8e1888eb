/**
 * The keys of sealed sessions: turns the text that a user configures into keys for ciphers, and refuses text that is not
 * a random key.
 */
import { isUtf8 } from "node:buffer"
import { hkdfSync } from "node:crypto"
import * as Effect from "#effect/Effect"
import * as Redacted from "#effect/Redacted"
import { SessionError } from "../../SessionError.js"
import { isWritten } from "./chance.js"

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

/** What a key is, and how to make one. */
export const advice = "a key is 32 random bytes in base64, base64url or hex; make one with: openssl rand -base64 32"

/** What the keys are for: no two uses derive the same keys from one text. */
export type Use = "cookie" | "at rest"

/** The name of the option in messages. */
const options: Readonly<Record<Use, string>> = { cookie: "cookie: keys", "at rest": "atRest.keys" }

/** Turns each text into a key. Fails with `InvalidConfig`, which tells the position of a bad one and never its text. */
export const makeKeyRing = (
  keys: ReadonlyArray<Redacted.Redacted<string | Uint8Array>>,
  use: Use
): Effect.Effect<ReadonlyArray<Key>, SessionError> =>
  keys.length === 0
    ? invalid(use, "expected at least one")
    : Effect.forEach(keys, (key, i) => {
        const read = readKey(Redacted.value(key))
        return typeof read === "string"
          ? invalid(use, `number ${i + 1} of ${keys.length}: ${read}`)
          : Effect.succeed(toKey(read, use))
      })

/** The bytes of a key, or why it is none. */
export const readKey = (given: string | Uint8Array): Buffer | string => {
  const bytes = typeof given === "string" ? decode(given.trim()) : Buffer.from(given)
  return bytes === undefined
    ? "it is not base64, base64url or hex"
    : (weakness(bytes) ?? (typeof given === "string" && isPhrase(given.trim()) ? written : bytes))
}

const invalid = (use: Use, message: string) =>
  Effect.fail(new SessionError({ reason: "InvalidConfig", message: `${options[use]}: ${message}; ${advice}` }))

const isHex = (text: string): boolean => /^([0-9a-f]{2})*$/i.test(text)

const withoutPadding = (text: string): string => text.replace(/={1,2}$/, "")

/** Decodes a text that is exactly the encoding of some bytes. */
const decode = (text: string): Buffer | undefined => {
  if (isHex(text)) {
    return Buffer.from(text, "hex")
  }
  const plain = withoutPadding(text)
  const encodings = ["base64", "base64url"] as const
  const bytes = Buffer.from(plain, "base64")
  return encodings.some((encoding) => withoutPadding(bytes.toString(encoding)) === plain) ? bytes : undefined
}

const written = "it is text that someone wrote, so it is not random"

const isPhrase = (text: string): boolean => !isHex(text) && isWritten(withoutPadding(text))

/**
 * Why these bytes cannot be random, if that is certain. Not one of a million random keys is refused: 32 random bytes
 * have 30 different values, and as many different steps from one to the next, give or take 2.
 */
const weakness = (bytes: Buffer): string | undefined => {
  if (bytes.length < minBytes) {
    return `it has ${bytes.length} bytes, and ${minBytes} random ones are needed`
  }
  if (isUtf8(bytes)) {
    return written
  }
  const steps = bytes.subarray(1).map((byte, i) => byte - bytes[i]!)
  return new Set(bytes).size < 20 || new Set(steps).size < 20 || mostlyText(bytes)
    ? "it repeats itself, or is a text, so it is not random"
    : undefined
}

/** Whether at least nine of ten bytes could be those of a text in some old encoding, or in UTF-16. */
const mostlyText = (bytes: Buffer): boolean =>
  bytes.filter((byte) => byte === 0 || (byte >= 32 && byte < 127)).length >= 0.9 * bytes.length

const toKey = (bytes: Buffer, use: Use): Key => {
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync("sha256", bytes, "", `effect-session ${use} ${purpose}`, minBytes))
  return { derive, hint: derive("hint")[0]! }
}
