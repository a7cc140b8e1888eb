/**
 * What a session leaves at its old id: that it has ended, that it has another id, or the way to it. Only the last one
 * lets a client go on with the old id, and only until its grace is over; the id at its end is sealed under the old one.
 *
 * As bytes: nothing if it has ended; the successor's stored id if a sign-in or `regenerate` moved it; else 1, the end of
 * the grace (milliseconds since the epoch, a double, big-endian), the length of the stored id in one byte, that id, and
 * the successor's id, sealed under the old one.
 */
import * as Duration from "#effect/Duration"
import { toBuffer } from "../internal/bytes.js"
import type { Mark, StoredId } from "../Provider/Provider.js"
import { sealUnder, unsealUnder } from "./people/sealedById.js"

/** How long a mark stays at a session's old id: longer than a request that was sent before takes to arrive. */
const markedFor = Duration.seconds(60)

export const ended: Mark = { content: new Uint8Array(0), ttl: markedFor }

export const movedTo = (ref: StoredId): Mark => ({ content: Buffer.from(ref), ttl: markedFor })

const wayFlag = 1
const headLength = 10

/** Leads from the old id to the successor's until `graceEnds`; after that it tells that the old id is used again. */
export const wayTo = (
  ref: StoredId,
  successor: string,
  oldId: string,
  graceEnds: number,
  ttl: Duration.Duration
): Mark => {
  const head = Buffer.alloc(headLength)
  head[0] = wayFlag
  head.writeDoubleBE(graceEnds, 1)
  head[headLength - 1] = ref.length
  return { content: Buffer.concat([head, Buffer.from(ref), sealUnder(oldId, "successor", successor)]), ttl }
}

export type Trace =
  | { readonly _tag: "Ended" }
  | { readonly _tag: "Moved"; readonly to: StoredId }
  | { readonly _tag: "Way"; readonly to: StoredId; readonly graceEnds: number; readonly sealed: Buffer }

export const readMark = (content: Uint8Array): Trace => {
  if (content.length === 0) {
    return { _tag: "Ended" }
  }
  const bytes = toBuffer(content)
  if (bytes[0] !== wayFlag || bytes.length <= headLength) {
    return { _tag: "Moved", to: bytes.toString() as StoredId }
  }
  const end = headLength + bytes[headLength - 1]!
  return {
    _tag: "Way",
    to: bytes.toString("latin1", headLength, end) as StoredId,
    graceEnds: bytes.readDoubleBE(1),
    sealed: bytes.subarray(end)
  }
}

/** The successor's id, for a client that knows the old one. */
export const successorOf = (sealed: Uint8Array, oldId: string): string | undefined =>
  unsealUnder(oldId, "successor", sealed)
