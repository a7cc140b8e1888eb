// The packets of Couchbase's key-value protocol (memcached's binary protocol, extended), as the stand-in for a node
// needs them. The numbers come from kv_engine's docs/BinaryProtocol.md or, if they are not there, from the official
// client.

/** Commands. */
export const Opcode = {
  get: 0x00,
  upsert: 0x01,
  insert: 0x02,
  replace: 0x03,
  remove: 0x04,
  noop: 0x0a,
  touch: 0x1c,
  getAndTouch: 0x1d,
  hello: 0x1f,
  saslMechanisms: 0x20,
  saslAuth: 0x21,
  saslStep: 0x22,
  selectBucket: 0x89,
  getMeta: 0xa0,
  clusterConfig: 0xb5,
  collectionsManifest: 0xba,
  collectionId: 0xbb,
  lookupIn: 0xd0,
  errorMap: 0xfe
} as const

export const Status = {
  success: 0x00,
  notFound: 0x01,
  exists: 0x02,
  tooBig: 0x03,
  invalid: 0x04,
  noBucket: 0x08,
  authError: 0x20,
  authContinue: 0x21,
  noAccess: 0x24,
  unknownCommand: 0x81,
  notSupported: 0x83,
  unknownCollection: 0x88,
  unknownScope: 0x8c
} as const

/** The features that a client may ask for in its HELLO. */
export const Feature = {
  tcpNoDelay: 0x03,
  errorMap: 0x07,
  selectBucket: 0x08,
  framingExtras: 0x10,
  durability: 0x11,
  collections: 0x12,
  preserveExpiry: 0x14
} as const

/** The kind of a request's framing extra that keeps the expiry. */
export const preserveExpiryFrame = 5

export interface Request {
  readonly opcode: number
  readonly opaque: number
  readonly cas: bigint
  /** The kinds of its framing extras. */
  readonly frames: ReadonlyArray<number>
  readonly extras: Buffer
  readonly key: Buffer
  readonly value: Buffer
}

export interface Reply {
  readonly status?: number
  readonly cas?: bigint
  readonly extras?: Buffer
  readonly value?: Buffer | string
}

const headerLength = 24
const request = 0x80
const requestWithFrames = 0x08
const response = 0x81

/** A real server hangs up on a packet that is larger than this. */
const maxBodyLength = 30 * 1024 * 1024

/**
 * Collects a client's bytes until they are whole requests. The pieces of a large value are joined once, when it is
 * whole.
 */
export class Inbox {
  private chunks: Array<Buffer> = []
  private length = 0
  private needed = headerLength

  /** Returns the requests that this piece completes; throws on bytes that are not a request. */
  add(chunk: Buffer): ReadonlyArray<Request> {
    const requests: Array<Request> = []
    this.chunks.push(chunk)
    this.length += chunk.length
    while (this.length >= this.needed) {
      const bytes = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks)
      const bodyLength = bytes.readUInt32BE(8)
      if (bodyLength > maxBodyLength) throw new Error("too large a packet")
      const end = headerLength + bodyLength
      const whole = bytes.length >= end
      const rest = whole ? bytes.subarray(end) : bytes
      this.chunks = [rest]
      this.length = rest.length
      this.needed = whole ? headerLength : end
      if (whole) requests.push(decode(bytes.subarray(0, end)))
    }
    return requests
  }
}

const decode = (packet: Buffer): Request => {
  const magic = packet[0]
  if (magic !== request && magic !== requestWithFrames) throw new Error("not a request")
  const framesLength = magic === request ? 0 : packet[2]!
  const keyLength = magic === request ? packet.readUInt16BE(2) : packet[3]!
  const extrasAt = headerLength + framesLength
  const keyAt = extrasAt + packet[4]!
  const valueAt = keyAt + keyLength
  if (valueAt > packet.length) throw new Error("lengths do not add up")
  return {
    opcode: packet[1]!,
    opaque: packet.readUInt32BE(12),
    cas: packet.readBigUInt64BE(16),
    frames: frameKinds(packet.subarray(headerLength, extrasAt)),
    extras: packet.subarray(extrasAt, keyAt),
    key: packet.subarray(keyAt, valueAt),
    value: packet.subarray(valueAt)
  }
}

/**
 * Returns the kinds of the frames. Each frame begins with a byte: its kind in the upper half, the length of its data in
 * the lower.
 */
const frameKinds = (bytes: Buffer): ReadonlyArray<number> => {
  const kinds: Array<number> = []
  for (let at = 0; at < bytes.length; at += 1 + (bytes[at]! & 0x0f)) kinds.push(bytes[at]! >> 4)
  return kinds
}

export const encode = ({ opaque, opcode }: Request, reply: Reply): Buffer => {
  const extras = reply.extras ?? Buffer.alloc(0)
  const value = Buffer.from(reply.value ?? "")
  const header = Buffer.alloc(headerLength)
  header[0] = response
  header[1] = opcode
  header[4] = extras.length
  header.writeUInt16BE(reply.status ?? Status.success, 6)
  header.writeUInt32BE(extras.length + value.length, 8)
  header.writeUInt32BE(opaque, 12)
  header.writeBigUInt64BE(reply.cas ?? 0n, 16)
  return Buffer.concat([header, extras, value])
}

export const uint16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export const uint64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}
