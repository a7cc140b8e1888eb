// Streams that nobody should have written: a typed error or a value, and never more than the bytes are worth.

import { readFileSync } from "node:fs"
import { setImmediate } from "node:timers/promises"
import { isDeepStrictEqual } from "node:util"
import { Gob } from "effect-session/beego"
import { describe, expect, it } from "vitest"
import { errorOf, valueOf } from "#dialect/result"
import * as Result from "#effect/Result"
import { soak, soakMillis } from "../support/soak.js"

const vectors: { readonly gob: ReadonlyArray<{ readonly hex: string }> } = JSON.parse(
  readFileSync(new URL("../data/beego/vectors.json", import.meta.url), "utf8")
)

const streams = vectors.gob.map(({ hex }) => Buffer.from(hex, "hex")).filter((stream) => stream.length < 1000)

/** mulberry32: the same mutations for the same seed. */
const random = (seed: number) => (below: number) => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) % below
}

type Random = (below: number) => number

const mutations: ReadonlyArray<(stream: Uint8Array, next: Random) => Buffer> = [
  (stream, next) => {
    const changed = Buffer.from(stream)
    changed[next(stream.length)]! ^= 1 << next(8)
    return changed
  },
  (stream, next) => {
    const changed = Buffer.from(stream)
    changed[next(stream.length)] = [0x00, 0x01, 0x7f, 0x80, 0xf7, 0xf8, 0xfc, 0xff][next(8)]!
    return changed
  },
  (stream, next) => Buffer.from(stream.subarray(0, next(stream.length))),
  (stream, next) => {
    const at = next(stream.length)
    return Buffer.concat([stream.subarray(0, at), stream.subarray(at + 1 + next(4))])
  },
  (stream, next) => {
    const at = next(stream.length)
    return Buffer.concat([stream.subarray(0, at), Buffer.from([next(256), next(256)]), stream.subarray(at)])
  },
  (stream, next) => {
    const other = streams[next(streams.length)]!
    return Buffer.concat([stream.subarray(0, next(stream.length)), other.subarray(next(other.length))])
  },
  (stream, next) => {
    const from = next(stream.length)
    return Buffer.concat([stream, stream.subarray(from, from + next(40)), stream])
  }
]

/** How many objects, elements and characters content is made of. */
const size = (content: unknown): number => {
  if (typeof content === "string" || content instanceof Uint8Array) {
    return 1 + content.length
  }
  if (Array.isArray(content)) {
    return content.reduce((sum, part) => sum + size(part), 1)
  }
  return typeof content === "object" && content !== null && "content" in content ? 1 + size(content.content) : 1
}

const sessionSize = ({ fields, others }: Gob.GobSession) =>
  size(Array.from(fields, ([key, value]) => [key, value])) + size(others)

// Streams by hand: each part is a number of one byte, or bytes.

const join = (parts: ReadonlyArray<number | Uint8Array>) =>
  Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : part)))

const uint = (n: number | bigint) => {
  const digits = n.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex")
  return n < 128 ? bytes : join([256 - bytes.length, bytes])
}

const int = (n: number) => uint(n >= 0 ? n * 2 : -n * 2 - 1)

const text = (characters: string) => join([characters.length, Buffer.from(characters)])

const message = (...parts: ReadonlyArray<number | Uint8Array>) => join([uint(join(parts).length), ...parts])

const [intId, bytesId, stringId, interfaceId] = [2, 5, 6, 8]

/** The body of a definition: `SliceT{CommonType{Id}, Elem}`. */
const slice = (id: number, elem: number) => join([int(-id), 2, 1, 2, int(id), 0, 1, int(elem), 0, 0])

/** `MapT{CommonType{Id}, Key, Elem}`, both interfaces. */
const map = (id: number) => join([int(-id), 4, 1, 2, int(id), 0, 1, int(interfaceId), 1, int(interfaceId), 0, 0])

/** What an interface holds, as Go writes it, but for the length, which nobody reads. */
const dynamic = (goType: string, id: number, ...content: ReadonlyArray<number | Uint8Array>) =>
  join([text(goType), int(id), 5, 0, ...content])

/** A session of one entry, with definitions before it. */
const session = (definitions: ReadonlyArray<Uint8Array>, value: Uint8Array) =>
  join([
    message(map(65)),
    ...definitions.map((definition) => message(definition)),
    message(int(65), 0, 1, dynamic("string", stringId, text("k")), value)
  ])

const reasonOf = (stream: Uint8Array, limits?: Gob.Limits) =>
  Result.match(Gob.decode(stream, limits), { onFailure: (error) => error.reason, onSuccess: () => "a value" })

describe("hostile gob streams", () => {
  const tries = soak(100_000, 1_000_000)
  it(
    `${tries} mutated streams are a typed error or a value, of no more parts than the stream is worth`,
    async () => {
      const seed = Math.floor(Math.random() * 2 ** 31)
      const next = random(seed)
      const outcomes: Record<string, number> = {}
      for (let i = 0; i < tries; i++) {
        // Vitest wants to hear from this process now and then.
        if (i % 1_000 === 0) await setImmediate()
        let stream: Uint8Array = streams[next(streams.length)]!
        for (let times = 1 + next(3); times > 0 && stream.length > 0; times--) {
          stream = mutations[next(mutations.length)]!(stream, next)
        }
        const context = `seed ${seed}: ${Buffer.from(stream).toString("hex")}`
        let result: Result.Result<Gob.GobSession, Gob.GobError>
        try {
          result = Gob.decode(stream)
        } catch (error) {
          throw new Error(`threw on ${context}`, { cause: error })
        }
        if (Result.isFailure(result)) {
          expect(errorOf(result)._tag, context).toBe("GobError")
          outcomes[errorOf(result).reason] = (outcomes[errorOf(result).reason] ?? 0) + 1
        } else {
          outcomes["a value"] = (outcomes["a value"] ?? 0) + 1
          expect(sessionSize(valueOf(result)), context).toBeLessThan(4 * stream.length + 8)
          const again = Result.flatMap(Gob.encode(valueOf(result)), (bytes) => Gob.decode(bytes))
          expect(isDeepStrictEqual(again, result), context).toBe(true)
        }
      }
      expect(Object.keys(outcomes).sort()).toEqual(["Malformed", "Truncated", "a value"])
      for (const count of Object.values(outcomes)) {
        expect(count).toBeGreaterThan(tries / 100)
      }
    },
    soakMillis(120_000, 900_000)
  )

  it("empty, cut and foreign bytes", () => {
    expect(reasonOf(new Uint8Array())).toBe("Truncated")
    expect(reasonOf(message(map(65)))).toBe("Truncated")
    expect(reasonOf(Buffer.from('{"json":true}'))).toBe("Malformed")
    // Another type than a map of interfaces at the top: Go refuses that too.
    expect(reasonOf(join([message(slice(65, intId)), message(int(65), 0, 0)]))).toBe("Malformed")
    expect(reasonOf(message(int(stringId), 0, text("k")))).toBe("Malformed")
  })

  it.each([100, 2 ** 20, 2 ** 31, 2 ** 40, 2n ** 63n])("a length of %s with nothing behind it", (length) => {
    const long = uint(length)
    const ints = slice(66, intId)
    expect(reasonOf(session([], dynamic("string", stringId, long, 0x61)))).toBe("Truncated")
    expect(reasonOf(session([], dynamic("[]uint8", bytesId, long)))).toBe("Truncated")
    expect(reasonOf(session([ints], dynamic("[]int", 66, long)))).toBe("Truncated")
    expect(reasonOf(session([], join([long, 0x61])))).toBe("Truncated")
    expect(reasonOf(join([message(map(65)), message(int(65), 0, long)]))).toBe("Truncated")
  })

  it("numbers of more than 8 bytes, ids that are too large, markers that are not there", () => {
    expect(reasonOf(session([], dynamic("int", intId, 0xf7, Buffer.alloc(9, 1))))).toBe("Malformed")
    expect(reasonOf(session([], dynamic("int", 2 ** 40, 0)))).toBe("Malformed")
    expect(reasonOf(session([], join([text("int"), int(intId), 2, 1, 2])))).toBe("Malformed")
  })

  it("definitions: twice, of gob's own ids, of types that are not there, of no kind", () => {
    const one = dynamic("int", intId, 2)
    expect(reasonOf(session([slice(66, intId)], one))).toBe("a value")
    expect(reasonOf(session([map(65)], one))).toBe("Malformed")
    expect(reasonOf(session([slice(20, intId)], one))).toBe("Malformed")
    expect(reasonOf(session([slice(66, 67)], one))).toBe("Malformed")
    expect(reasonOf(session([], dynamic("[]T", 66, 0)))).toBe("Malformed")
    expect(reasonOf(session([join([int(-66), 0])], one))).toBe("Malformed")
    expect(reasonOf(session([join([int(-66), 8, 1, 2, int(66), 0, 0, 0])], one))).toBe("Malformed")
  })

  it("a type that holds itself nests as deep as the limit and no deeper", () => {
    // type T []T. The session is the first level, and the innermost T is empty.
    const nested = (levels: number) => session([slice(66, 66)], dynamic("main.T", 66, Buffer.alloc(levels - 2, 1), 0))
    const { maxDepth } = Gob.defaultLimits
    expect(reasonOf(nested(maxDepth))).toBe("a value")
    expect(reasonOf(nested(maxDepth + 1))).toBe("LimitExceeded")
    expect(reasonOf(nested(1_000_000))).toBe("LimitExceeded")
  })

  it("a chain of 50,000 definitions overflows no stack", () => {
    const chain = Array.from({ length: 50_000 }, (_, i) => slice(100 + i, 101 + i))
    const stream = session([...chain, slice(50_100, intId)], dynamic("main.T", 100, 0))
    const decoded = Gob.decode(stream)
    expect(Result.isSuccess(decoded)).toBe(true)
    expect(
      Result.isSuccess(
        decoded.pipe(
          Result.flatMap((value) => Gob.encode(value)),
          Result.flatMap((bytes) => Gob.decode(bytes))
        )
      )
    ).toBe(true)
  })

  it("limits on bytes, values and depth hold for reading and for writing", () => {
    const limits = (some: Partial<Gob.Limits>) => ({ ...Gob.defaultLimits, ...some })
    // 103 values: the entry, the session's definition is one, the slice's another, and 100 numbers.
    const stream = session([slice(66, intId)], dynamic("[]int", 66, 100, Buffer.alloc(100, 2)))
    const decoded = Result.getOrThrow(Gob.decode(stream))
    const written = (some: Partial<Gob.Limits>) =>
      Result.match(Gob.encode(decoded, limits(some)), { onFailure: ({ reason }) => reason, onSuccess: () => "bytes" })
    expect(reasonOf(stream, limits({ maxBytes: stream.length }))).toBe("a value")
    expect(reasonOf(stream, limits({ maxBytes: stream.length - 1 }))).toBe("LimitExceeded")
    expect(reasonOf(stream, limits({ maxValues: 103 }))).toBe("a value")
    expect(reasonOf(stream, limits({ maxValues: 102 }))).toBe("LimitExceeded")
    expect(written({ maxValues: 103 })).toBe("bytes")
    expect(written({ maxValues: 102 })).toBe("LimitExceeded")
    expect(written({ maxBytes: stream.length })).toBe("bytes")
    expect(written({ maxBytes: stream.length - 1 })).toBe("LimitExceeded")
    expect(written({ maxDepth: 2 })).toBe("bytes")
    expect(written({ maxDepth: 1 })).toBe("LimitExceeded")
  })

  it("errors tell nothing of what the stream holds", () => {
    const stream = session([], join([text("hunter2"), int(66), 2, text("hunter2")]))
    const error = Result.getOrThrow(Result.flip(Gob.decode(stream)))
    expect(`${JSON.stringify(error)} ${error} ${error.stack}`).not.toMatch("hunter2")
  })
})
