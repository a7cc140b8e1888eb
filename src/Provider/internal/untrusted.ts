/**
 * Reads bytes that may come from anyone. Ciphers and zlib report bad ones with exceptions, whose stack traces would take
 * longer than everything else.
 */
import { inflateRawSync } from "node:zlib"

/** The result of a function; undefined if it throws. */
export const orUndefined = <A>(read: () => A): A | undefined => {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return read()
  } catch {
    return undefined
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** Decompresses (RFC 1951) what has at most this length then. */
export const inflate = (deflated: Uint8Array, maxOutputLength: number): Buffer | undefined =>
  orUndefined(() => inflateRawSync(deflated, { maxOutputLength }))
