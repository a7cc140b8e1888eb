// Go's time.Time, in the form in which it writes itself (time, time.go: MarshalBinary): a version, the seconds since
// the year 1, the nanoseconds and the offset of its zone in minutes (-1 is UTC). Version 2 has one more byte, for the
// seconds of the offset.
import type { GobType } from "./Value.js"

const secondsBefore1970 = 62_135_596_800n

const utc = -1

/** The definition of time.Time in gob. */
export const timeType: GobType = { kind: "opaque", name: "Time", encoder: "GobEncoder" }

/** Encodes milliseconds since the epoch, in UTC. */
export const encodeTime = (millis: number): Uint8Array => {
  const seconds = Math.floor(millis / 1000)
  const view = new DataView(new ArrayBuffer(15))
  view.setUint8(0, 1)
  view.setBigInt64(1, BigInt(seconds) + secondsBefore1970)
  view.setInt32(9, (millis - seconds * 1000) * 1_000_000)
  view.setInt16(13, utc)
  return new Uint8Array(view.buffer)
}

/** Go's zero time, which structs leave out. */
export const zeroTime = encodeTime(-Number(secondsBefore1970) * 1000)

/**
 * Decodes to milliseconds since the epoch, rounded down. Returns undefined if the bytes are not a time, or one that a
 * Date cannot hold.
 */
export const decodeTime = (bytes: Uint8Array): number | undefined => {
  if (!((bytes[0] === 1 && bytes.length === 15) || (bytes[0] === 2 && bytes.length === 16))) {
    return undefined
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const seconds = Number(view.getBigInt64(1) - secondsBefore1970)
  const millis = seconds * 1000 + Math.floor(view.getInt32(9) / 1_000_000)
  return Math.abs(millis) <= 8.64e15 ? millis : undefined
}
