/**
 * The values of sessions, and of the marks that they leave, in a store that has a compare-and-swap.
 */
import type * as Provider from "../Provider.js"

/** A value as the store has it, with the token that the next change has to name. */
export interface Item<Token> {
  readonly value: Buffer
  readonly token: Token
}

// A value is: 1 byte of format, 8 bytes of expiry (milliseconds, a double), 12 characters of revision, the payload. That of a mark, which
// a session leaves in its own place, has the content as its payload.
const format = 1
export const markFormat = 2
const revisionAt = 9
const payloadAt = 21

/** By how many bytes a value is larger than its payload. */
export const overhead = payloadAt

export const encode = (payload: Uint8Array, expiresAt: number, revision: string, as = format): Buffer => {
  const value = Buffer.allocUnsafe(payloadAt + payload.length)
  value[0] = as
  value.writeDoubleBE(expiresAt, 1)
  value.write(revision, revisionAt, "latin1")
  value.set(payload, payloadAt)
  return value
}

/** What a value is. */
export interface Entry<Token> {
  readonly token: Token
  readonly isMark: boolean
  readonly stored: Provider.Stored
}

/** What is neither a session nor a mark of this format counts as one that has expired. */
export const decode = <Token>({ token, value }: Item<Token>): Entry<Token> => {
  const valid = value.length >= payloadAt && (value[0] === format || value[0] === markFormat)
  return {
    token,
    isMark: value[0] === markFormat,
    stored: {
      expiresAt: valid ? value.readDoubleBE(1) : 0,
      revision: value.toString("latin1", revisionAt, payloadAt) as Provider.Revision,
      payload: value.subarray(payloadAt)
    }
  }
}
