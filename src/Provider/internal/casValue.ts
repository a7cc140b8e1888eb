/**
 * The values of sessions, and of their marks, in a store that has a compare-and-swap.
 */
import type * as Provider from "../Provider.js"

/** A value in the store, with the token that the next change must name. */
export interface Item<Token> {
  readonly value: Buffer
  readonly token: Token
}

// A value is: 1 byte of format, 8 bytes of expiry (milliseconds, a double), 12 characters of revision, the payload. A
// mark, which takes the place of its session, has its content as the payload.
const format = 1
export const markFormat = 2
const revisionAt = 9
const payloadAt = 21

/** The difference in bytes between a value and its payload. */
export const overhead = payloadAt

export const encode = (payload: Uint8Array, expiresAt: number, revision: string, as = format): Buffer => {
  const value = Buffer.allocUnsafe(payloadAt + payload.length)
  value[0] = as
  value.writeDoubleBE(expiresAt, 1)
  value.write(revision, revisionAt, "latin1")
  value.set(payload, payloadAt)
  return value
}

/** A decoded value. */
export interface Entry<Token> {
  readonly token: Token
  readonly isMark: boolean
  readonly stored: Provider.Stored
}

/** Decodes a value. One that is neither a session nor a mark of this format counts as expired. */
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
