// Payloads for the file provider's tests that show whether they are torn: a number, repeated.
import { strict as assert } from "node:assert"

export const payload = (n: number): Uint8Array => Buffer.from(`${n} `.repeat(2_000))

export const numberIn = (stored: Uint8Array): number => {
  const n = Number.parseInt(Buffer.from(stored).toString(), 10)
  assert.deepEqual(Buffer.from(stored), payload(n))
  return n
}
