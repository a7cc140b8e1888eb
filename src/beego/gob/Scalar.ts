// Single values between JavaScript and Go.
import { Buffer } from "node:buffer"
import * as DateTime from "#effect/DateTime"
import type { GoInteger } from "./GoType.js"
import { decodeTime, encodeTime, timeType } from "./Time.js"
import { Mismatch, type Typed } from "./Typed.js"
import { builtin, type Content, type GobType } from "./Value.js"

/** How a Go type is written: its type on the wire, and its content from any JavaScript value that can stand for it. */
export interface ScalarWriter {
  readonly type: GobType
  readonly content: (value: unknown) => Content
}

const cannot = (goType: string): Mismatch => new Mismatch(`it cannot be written as a Go ${goType}`)

const integer = (goType: GoInteger, bits: number): ScalarWriter => {
  const signed = goType.startsWith("int")
  const min = signed ? -(2n ** BigInt(bits - 1)) : 0n
  const max = 2n ** BigInt(signed ? bits - 1 : bits) - 1n
  return {
    type: signed ? builtin.int : builtin.uint,
    content: (value) => {
      const n = integerOf(value)
      if (n === undefined || n < min || n > max) {
        throw cannot(goType)
      }
      return n
    }
  }
}

const integerOf = (value: unknown): number | bigint | undefined => {
  switch (typeof value) {
    case "bigint":
      return value
    case "number":
      return Number.isSafeInteger(value) ? value : undefined
    case "string":
      return /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined
    default:
      return undefined
  }
}

const float = (goType: "float32" | "float64", round: (n: number) => number): ScalarWriter => ({
  type: builtin.float,
  content: (value) => {
    if (typeof value !== "number" || Number.isFinite(round(value)) !== Number.isFinite(value)) {
      throw cannot(goType)
    }
    return round(value)
  }
})

/** Half of a surrogate pair, which has no form in UTF-8. */
const loneSurrogate = /\p{Surrogate}/u

export const textContent = (text: string): string => {
  if (loneSurrogate.test(text)) {
    throw cannot("string: half of a surrogate pair is not text")
  }
  return text
}

const bytesOf = (value: unknown): Uint8Array | undefined => {
  if (value instanceof Uint8Array) {
    return new Uint8Array(value)
  }
  const isBytes = Array.isArray(value) && value.every((n) => Number.isInteger(n) && n >= 0 && n <= 255)
  return isBytes ? Uint8Array.from(value) : undefined
}

const millisOf = (value: unknown): number => {
  if (typeof value === "number") {
    return value
  }
  if (typeof value === "string") {
    return Date.parse(value)
  }
  return value instanceof Date
    ? value.getTime()
    : DateTime.isDateTime(value)
      ? DateTime.toEpochMillis(value)
      : Number.NaN
}

export const scalars: Readonly<Record<string, ScalarWriter>> = {
  bool: {
    type: builtin.bool,
    content: (value) => {
      if (typeof value !== "boolean") {
        throw cannot("bool")
      }
      return value
    }
  },
  string: {
    type: builtin.string,
    content: (value) => {
      if (typeof value !== "string" && !(value instanceof Uint8Array)) {
        throw cannot("string")
      }
      return typeof value === "string" ? textContent(value) : new Uint8Array(value)
    }
  },
  int: integer("int", 64),
  int8: integer("int8", 8),
  int16: integer("int16", 16),
  int32: integer("int32", 32),
  int64: integer("int64", 64),
  uint: integer("uint", 64),
  uint8: integer("uint8", 8),
  uint16: integer("uint16", 16),
  uint32: integer("uint32", 32),
  uint64: integer("uint64", 64),
  float32: float("float32", Math.fround),
  float64: float("float64", (n) => n),
  "[]uint8": {
    type: builtin.bytes,
    content: (value) => {
      const bytes = bytesOf(value)
      if (bytes === undefined) {
        throw cannot("[]byte")
      }
      return bytes
    }
  },
  "time.Time": {
    type: timeType,
    content: (value) => {
      const millis = millisOf(value)
      if (!Number.isInteger(millis) || Math.abs(millis) > 8.64e15) {
        throw cannot("time.Time")
      }
      return encodeTime(millis)
    }
  }
}

/** Reads a JavaScript type from the Go types that can stand for it. */
export type ScalarReader = (value: NonNullable<Typed>) => unknown

const unexpected = (wanted: string, { type }: NonNullable<Typed>): Mismatch =>
  new Mismatch(`expected ${wanted}, got a Go ${type.kind}`)

const millisIn = (wanted: string, value: NonNullable<Typed>): number => {
  const millis =
    value.type.kind === "opaque" && value.type.name === "Time" ? decodeTime(value.content as Uint8Array) : undefined
  if (millis === undefined) {
    throw unexpected(wanted, value)
  }
  return millis
}

const isInteger = ({ type }: NonNullable<Typed>): boolean => type.kind === "int" || type.kind === "uint"

export const readers = {
  string: (value) => {
    if (value.type.kind === "string" && typeof value.content === "string") {
      return value.content
    }
    throw value.type.kind === "string" ? new Mismatch("a Go string is not UTF-8") : unexpected("text", value)
  },
  number: (value) => {
    if ((isInteger(value) || value.type.kind === "float") && typeof value.content === "number") {
      return value.content
    }
    throw isInteger(value) ? new Mismatch("a Go integer is beyond 2^53") : unexpected("a number", value)
  },
  bigint: (value) => {
    if (isInteger(value)) {
      return BigInt(value.content as number | bigint)
    }
    throw unexpected("an integer", value)
  },
  boolean: (value) => {
    if (value.type.kind === "bool") {
      return value.content
    }
    throw unexpected("a boolean", value)
  },
  bytes: (value) => {
    if (value.type.kind === "bytes") {
      return new Uint8Array(value.content as Uint8Array)
    }
    if (value.type.kind === "string") {
      return typeof value.content === "string"
        ? new Uint8Array(Buffer.from(value.content))
        : new Uint8Array(value.content as Uint8Array)
    }
    throw unexpected("bytes", value)
  },
  Date: (value) => new Date(millisIn("a time", value)),
  DateTime: (value) => DateTime.makeUnsafe(millisIn("a time", value))
} satisfies Record<string, ScalarReader>

export type ScalarKind = keyof typeof readers

/**
 * Makes a reader for text or numbers whose annotation chooses another Go type, so that they are read from that one too.
 */
export const readAs = (kind: ScalarKind, goType: string): ScalarReader => {
  const read = readers[kind]
  if (goType === "time.Time" && (kind === "string" || kind === "number")) {
    return (value) => {
      if (value.type.kind !== "opaque") {
        return read(value)
      }
      const millis = millisIn("a time", value)
      return kind === "number" ? millis : new Date(millis).toISOString()
    }
  }
  if (/int/.test(goType) && kind === "string") {
    return (value) => (isInteger(value) ? String(value.content) : read(value))
  }
  return read
}
