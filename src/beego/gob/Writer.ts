// The primitives of gob, written to bytes that grow as needed.
import { Buffer } from "node:buffer"

const scratch = new DataView(new ArrayBuffer(8))

/** The bits of Go's math.NaN(), since JavaScript does not distinguish NaNs. */
const goNaN = 0x7ff8_0000_0000_0001n

/** The number of bytes that a number takes, without leading zeros. */
const sizeOf = (n: number): number => {
  let size = 1
  for (let rest = n; rest >= 0x100; rest = Math.floor(rest / 0x100)) {
    size++
  }
  return size
}

export class Writer {
  private buffer = Buffer.allocUnsafe(256)
  private position = 0

  /** The number of bytes written so far. */
  get length(): number {
    return this.position
  }

  /** Returns a view of the written bytes. Nothing may be written afterwards. */
  finish(): Uint8Array {
    return new Uint8Array(this.buffer.buffer, this.buffer.byteOffset, this.position)
  }

  private reserve(size: number): void {
    if (this.position + size > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.position + size))
      this.buffer.copy(larger, 0, 0, this.position)
      this.buffer = larger
    }
  }

  uint(n: number | bigint): void {
    this.reserve(9)
    if (n < 0x80) {
      this.buffer[this.position++] = Number(n)
    } else if (typeof n === "bigint") {
      scratch.setBigUint64(0, n)
      this.significant()
    } else {
      const size = sizeOf(n)
      this.buffer[this.position++] = 0x100 - size
      let rest = n
      for (let i = size - 1; i >= 0; i--) {
        this.buffer[this.position + i] = rest % 0x100
        rest = Math.floor(rest / 0x100)
      }
      this.position += size
    }
  }

  int(n: number | bigint): void {
    if (typeof n === "bigint" || n > 0x7_ffff_ffff_ffff || n < -0x7_ffff_ffff_ffff) {
      const big = BigInt(n)
      this.uint(big >= 0n ? big << 1n : (~big << 1n) | 1n)
    } else {
      this.uint(n >= 0 ? n * 2 : -n * 2 - 1)
    }
  }

  float(n: number): void {
    this.reserve(9)
    if (Number.isNaN(n)) {
      scratch.setBigUint64(0, goNaN, true)
    } else {
      scratch.setFloat64(0, n, true)
    }
    this.significant()
  }

  /** Writes the scratch bytes as a number, without leading zeros. */
  private significant(): void {
    let start = 0
    while (start < 7 && scratch.getUint8(start) === 0) {
      start++
    }
    if (start < 7 || scratch.getUint8(start) >= 0x80) {
      this.buffer[this.position++] = 0x100 - (8 - start)
    }
    for (; start < 8; start++) {
      this.buffer[this.position++] = scratch.getUint8(start)
    }
  }

  text(text: string): void {
    const size = Buffer.byteLength(text)
    this.uint(size)
    this.reserve(size)
    this.position += this.buffer.write(text, this.position)
  }

  bytes(bytes: Uint8Array): void {
    this.uint(bytes.length)
    this.raw(bytes)
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.position)
    this.position += bytes.length
  }

  /** Inserts the length of the bytes written since `start` before them. */
  prefixLength(start: number): void {
    const size = this.position - start
    const prefix = size < 0x80 ? 1 : 1 + sizeOf(size)
    this.reserve(prefix)
    this.buffer.copyWithin(start + prefix, start, this.position)
    this.position = start
    this.uint(size)
    this.position += size
  }
}
