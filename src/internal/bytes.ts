/**
 * Bytes in the type that drivers and `node:crypto` need.
 */

/** Returns the same memory as a Buffer. */
export const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
