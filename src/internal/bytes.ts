/**
 * Bytes as drivers and `node:crypto` want them.
 */

/** The same memory as a Buffer. */
export const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
