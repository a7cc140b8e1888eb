// The primitives of gob, read from bytes. Every read is bounds-checked; an invalid stream is thrown as a GobError,
// which `decode` turns into a Left.
import { Buffer, isUtf8 } from "node:buffer"
import { malformed, truncated } from "./GobError.js"

const scratch = new DataView(new ArrayBuffer(8))

/** Go refuses longer type names (encoding/gob, decode.go). */
const maxName = 1024

/** The most frequent names, by their size, as they are in a stream: recognised instead of decoded. */
const knownNames: Array<Array<{ readonly name: string; readonly prefixed: Uint8Array }> | undefined> = []
for (const name of [
  ...["", "string", "int", "bool", "float64", "int64", "[]uint8", "time.Time"],
  ...["[]interface {}", "map[string]interface {}"]
]) {
  const known = { name, prefixed: Uint8Array.of(name.length, ...Buffer.from(name)) }
  knownNames[name.length] = [...(knownNames[name.length] ?? []), known]
}

const maxLatin1 = 4096

/** With more than these, native code is faster. */
const maxLetters = 4

/** Returns a number if that is safe, otherwise a bigint. */
const narrow = (n: bigint): number | bigint =>
  n >= BigInt(Number.MIN_SAFE_INTEGER) && n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n

export class Reader {
  private readonly buffer: Buffer
  private readonly bytes: Uint8Array
  /**
   * A small stream as text, with one character per byte: cutting ASCII out of it is much cheaper than a call into
   * native code for each text. Not used for large streams, since a cut-out text can keep all of it in memory.
   */
  private readonly latin1: string | undefined
  private position = 0

  /** Keeps the same memory twice: a Buffer for its text, a plain Uint8Array for the views that are given away. */
  constructor({ buffer, byteLength, byteOffset }: Uint8Array) {
    this.buffer = Buffer.from(buffer, byteOffset, byteLength)
    this.bytes = new Uint8Array(buffer, byteOffset, byteLength)
    this.latin1 = byteLength <= maxLatin1 ? this.buffer.toString("latin1") : undefined
  }

  /** Moves past `size` bytes, and returns where they begin. */
  private take(size: number): number {
    const start = this.position
    if (size > this.bytes.length - start) {
      throw truncated()
    }
    this.position = start + size
    return start
  }

  /** The size in bytes of the number that begins here: 0 if the first byte is itself the number. */
  private sizeOf(first: number): number {
    if (first < 0x80) {
      return 0
    }
    if (first < 0xf8) {
      throw malformed("a number has more than 8 bytes")
    }
    return 0x100 - first
  }

  uint(): number | bigint {
    const next = this.bytes[this.position]
    if (next !== undefined && next < 0x80) {
      this.position++
      return next
    }
    const first = this.bytes[this.take(1)]!
    const size = this.sizeOf(first)
    const start = this.take(size)
    if (size > 6) {
      scratch.setUint32(0, 0)
      scratch.setUint32(4, 0)
      for (let i = 0; i < size; i++) {
        scratch.setUint8(8 - size + i, this.bytes[start + i]!)
      }
      return narrow(scratch.getBigUint64(0))
    }
    let n = 0
    for (let i = start; i < start + size; i++) {
      n = n * 256 + this.bytes[i]!
    }
    return n
  }

  int(): number | bigint {
    const n = this.uint()
    if (typeof n === "number") {
      return n % 2 === 0 ? n / 2 : -(n - 1) / 2 - 1
    }
    return narrow(n & 1n ? ~(n >> 1n) : n >> 1n)
  }

  /** Reads a number that is small in any honest stream, as ids of types and fields are. */
  smallUint(): number {
    const n = this.uint()
    if (n > 0x7fffffff) {
      throw malformed("an id or index is too large")
    }
    return Number(n)
  }

  smallInt(): number {
    const n = this.int()
    if (n > 0x7fffffff || n < -0x7fffffff) {
      throw malformed("an id or index is too large")
    }
    return Number(n)
  }

  bool(): boolean {
    return this.uint() !== 0
  }

  /** Reads a float64, whose bytes come in reverse order, so that round numbers are short. */
  float(): number {
    const first = this.bytes[this.take(1)]!
    const size = this.sizeOf(first)
    const start = this.take(size)
    scratch.setUint32(0, 0)
    scratch.setUint32(4, size === 0 ? first : 0)
    for (let i = 0; i < size; i++) {
      scratch.setUint8(8 - size + i, this.bytes[start + i]!)
    }
    return scratch.getFloat64(0, true)
  }

  /** Reads a count of things that take at least one byte each. It is refused before anything is allocated for it. */
  count(): number {
    const n = this.uint()
    if (n > this.bytes.length - this.position) {
      throw truncated()
    }
    return Number(n)
  }

  /** Reads a view of length-prefixed bytes. */
  view(): Uint8Array {
    const size = this.count()
    const start = this.take(size)
    return this.bytes.subarray(start, start + size)
  }

  /** Reads length-prefixed text; returns its bytes if they are not UTF-8. */
  text(): string | Uint8Array {
    const size = this.count()
    const start = this.take(size)
    const western = this.latin1 === undefined ? undefined : this.western(this.latin1, start, start + size)
    if (western !== undefined) {
      return western
    }
    const text = this.buffer.toString("utf8", start, start + size)
    if (text.includes("\ufffd") && !isUtf8(this.bytes.subarray(start, start + size))) {
      return this.bytes.subarray(start, start + size)
    }
    return text
  }

  /** Reads the name of a Go type or field. */
  name(): string {
    const known = this.knownName()
    if (known !== undefined) {
      return known
    }
    const name = this.text()
    if (typeof name !== "string" || name.length > maxName) {
      throw malformed("a name is not text, or too long")
    }
    return name
  }

  /** Reads the next name, if it is one of the frequent ones. */
  private knownName(): string | undefined {
    const candidates = knownNames[this.bytes[this.position]!]
    if (candidates === undefined) {
      return undefined
    }
    for (let i = 0; i < candidates.length; i++) {
      const { name, prefixed } = candidates[i]!
      if (this.startsWith(prefixed)) {
        this.position += prefixed.length
        return name
      }
    }
    return undefined
  }

  private startsWith(expected: Uint8Array): boolean {
    for (let i = 0; i < expected.length; i++) {
      // Past the end of the stream this is undefined, which is no byte.
      if (this.bytes[this.position + i] !== expected[i]) {
        return false
      }
    }
    return true
  }

  /**
   * Reads text in ASCII with at most a few letters of two bytes, U+0080 to U+07FF (RFC 3629, 4), from cut-out pieces.
   */
  private western(latin1: string, start: number, end: number): string | undefined {
    let text = ""
    let from = start
    let letters = 0
    for (let i = start; i < end; i++) {
      const byte = this.bytes[i]!
      if (byte >= 0x80) {
        const next = i + 1 < end ? this.bytes[i + 1]! : 0
        if (byte < 0xc2 || byte > 0xdf || (next & 0xc0) !== 0x80 || ++letters > maxLetters) {
          return undefined
        }
        text += latin1.substring(from, i) + String.fromCharCode(((byte & 0x1f) << 6) | (next & 0x3f))
        from = ++i + 1
      }
    }
    return letters === 0 ? latin1.substring(start, end) : text + latin1.substring(from, end)
  }
}
