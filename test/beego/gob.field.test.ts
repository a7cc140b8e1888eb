// Fields: which Go types a Schema is written as, as real beego sees them, and which Go types it is read from.

import { isUtf8 } from "node:buffer"
import { readFileSync } from "node:fs"
import { Gob } from "effect-session/beego"
import * as FastCheck from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { aboveZero, between } from "#dialect/schema"
import * as DateTime from "#effect/DateTime"
import * as Result from "#effect/Result"
import * as Schema from "#effect/Schema"
import type * as SchemaIssue from "#effect/SchemaIssue"
import { betweenBigInt, formatIssue, Option, ReadonlyMap, samples, ValidDate, whole } from "#test/schema"
import { suite } from "../servers/need.js"
import { soak } from "../support/soak.js"
import { comparable, type Description, describeValue } from "./describe.js"
import { type GobCheck, makeGobCheck } from "./gobcheck.js"
import { buildMillis } from "./goProgram.js"

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}

const Tree: Schema.Codec<Tree> = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend(() => Tree))
})

class Profile extends Schema.Class<Profile>("Profile")({
  name: Schema.NonEmptyString,
  age: Schema.optionalKey(Schema.Natural),
  email: Schema.NullOr(Schema.String),
  born: ValidDate
}) {}

const Digits = Schema.BigIntFromString.pipe(betweenBigInt(0n, 2n ** 64n - 1n))

/** Each Schema, and the Go type that its values are written as. */
const fields: ReadonlyArray<readonly [name: string, Schema.Codec<any, any>, goType: string]> = [
  ["String", Schema.String, "string"],
  ["branded text", Schema.NonEmptyString.pipe(Schema.brand("UserId")), "string"],
  ["Literal", Schema.Literals(["a", "b"]), "string"],
  ["Literal of a number", Schema.Literals([1, 2]), "int"],
  ["TemplateLiteral", Schema.TemplateLiteral(["id-", Schema.Number]), "string"],
  ["Date, as text", Schema.DateFromString, "string"],
  ["Int", Schema.Int, "int"],
  ["NonNegativeInt", Schema.Natural, "int"],
  ["branded Int", Schema.Int.pipe(aboveZero, Schema.brand("Count")), "int"],
  ["Number", Schema.Number, "float64"],
  ["Finite", Schema.Finite, "float64"],
  ["Boolean", Schema.Boolean, "bool"],
  ["BigIntFromSelf", Schema.BigInt.pipe(betweenBigInt(-(2n ** 63n), 2n ** 63n - 1n)), "int64"],
  ["Uint8ArrayFromSelf", Schema.Uint8Array, "[]uint8"],
  ["DateFromSelf", ValidDate, "time.Time"],
  ["DateTimeUtcFromSelf", Schema.DateTimeUtc, "time.Time"],
  ["Array", Schema.Array(Schema.Int), "[]interface {}"],
  ["Tuple", Schema.TupleWithRest(Schema.Tuple([Schema.String, Schema.Int]), [Schema.Boolean]), "[]interface {}"],
  ["Struct", Schema.Struct({ n: Schema.Int, s: Schema.optionalKey(Schema.String) }), "map[string]interface {}"],
  ["Class", Profile, "map[string]interface {}"],
  ["Record", Schema.Record(Schema.String, Schema.NullOr(Schema.Number)), "map[string]interface {}"],
  ["Option", Option(Schema.Int), "map[string]interface {}"],
  ["recursive", Tree, "map[string]interface {}"],
  ["Map", ReadonlyMap(Schema.Int, Schema.String), "[]interface {}"],
  ["NullOr in an Array", Schema.Array(Schema.NullOr(Schema.Literals(["x", 1, true]))), "[]interface {}"],
  ["int8", Schema.Int.pipe(between(-128, 127), Gob.int8), "int8"],
  ["int16", Schema.Int.pipe(between(-32768, 32767), Gob.int16), "int16"],
  ["int32", Schema.Number.pipe(Gob.int32, whole, between(-(2 ** 31), 2 ** 31 - 1)), "int32"],
  ["int64", Schema.Int.pipe(Gob.int64), "int64"],
  ["uint", Schema.Natural.pipe(Gob.uint), "uint"],
  ["uint8", Schema.Int.pipe(between(0, 255), Gob.uint8), "uint8"],
  ["uint16", Schema.Natural.pipe(between(0, 65535), Gob.uint16), "uint16"],
  ["uint32", Schema.Natural.pipe(between(0, 2 ** 32 - 1), Gob.uint32), "uint32"],
  ["uint64 of digits", Digits.pipe(Gob.uint64), "uint64"],
  ["float64 of an Int", Schema.Int.pipe(Gob.float64), "float64"],
  ["float32", Schema.Literals([0.5, 1.25, -3]).pipe(Gob.float32), "float32"],
  ["string of bytes", Schema.Uint8Array.pipe(Gob.string), "string"],
  ["bytes of numbers", Schema.Uint8Array.pipe(Gob.bytes), "[]uint8"],
  ["time of text", Schema.DateFromString.pipe(Gob.time), "time.Time"],
  ["time of milliseconds", Schema.DateTimeUtcFromMillis.pipe(Gob.time), "time.Time"],
  ["[]string", Schema.Array(Schema.String).pipe(Gob.as("[]string")), "[]string"],
  ["[]int", Schema.Array(Schema.Int).pipe(Gob.as("[]int")), "[]int"],
  ["[]bool", Schema.NonEmptyArray(Schema.Boolean).pipe(Gob.as("[]bool")), "[]bool"],
  [
    "map[string]string",
    Schema.Record(Schema.String, Schema.String).pipe(Gob.as("map[string]string")),
    "map[string]string"
  ],
  [
    "map[int]int64",
    Schema.Record(Schema.Literals(["1", "-20"]), Schema.Int).pipe(Gob.as("map[int]int64")),
    "map[int]int64"
  ],
  [
    "map[int]interface",
    Schema.Struct({ 1: Schema.Boolean, 2: Schema.String }).pipe(Gob.as("map[int]interface {}")),
    "map[int]interface {}"
  ]
]

const issue = (result: Result.Result<unknown, SchemaIssue.Issue>): string =>
  Result.match(result, { onFailure: formatIssue, onSuccess: () => "a value" })

/** Not among the values: half surrogate pairs, which UTF-8 has no form of, and `__proto__`, which Schema.Record drops. */
const isKept = (value: unknown): boolean =>
  !/\\ud[89a-f]|__proto__/.test(
    JSON.stringify(value, (_, v) => (typeof v === "bigint" ? String(v) : v instanceof Map ? [...v] : v)) ?? ""
  )

const vectors: { readonly gob: ReadonlyArray<{ readonly name: string; readonly hex: string }> } = JSON.parse(
  readFileSync(new URL("../data/beego/vectors.json", import.meta.url), "utf8")
)

/** The one value of a recorded session. */
const recorded = (name: string): Gob.GobValue => {
  const { hex } = vectors.gob.find((vector) => vector.name === name)!
  const { fields, others } = Result.getOrThrow(Gob.decode(Buffer.from(hex, "hex")))
  return fields.get("user") ?? fields.values().next().value ?? others[0]![1]!
}

const session = (value: Gob.GobValue): Uint8Array =>
  Result.getOrThrow(Gob.encode({ fields: new Map([["field", value]]), others: [] }))

const fieldOf = (bytes: Uint8Array): Gob.GobValue => Result.getOrThrow(Gob.decode(bytes)).fields.get("field")!

suite("fields and real beego", ["go"], () => {
  let beego: GobCheck

  beforeAll(async () => {
    beego = await makeGobCheck()
  }, buildMillis)

  afterAll(() => beego?.close())

  it.each(fields)("%s: Go sees the same values, and what Go writes back is read as them", (_, schema, goType) => {
    const field = Gob.field(schema)
    const seed = Math.floor(Math.random() * 2 ** 31)
    const values = samples(schema, 200, seed).filter(isKept)
    expect(values.length).toBeGreaterThan(50)
    const written = values.map((value) =>
      Result.getOrThrowWith(field.encode(value), () => new Error(issue(field.encode(value))))
    )
    const streams = written.map(session)

    beego.decode(streams).forEach((answer, i) => {
      expect(answer.error, `seed ${seed}`).toBeUndefined()
      const [[, seen]] = answer.value!["entries"] as [[Description, Description]]
      expect(seen.t).toBe(goType)
      expect(comparable(seen)).toEqual(comparable(describeValue(written[i]!)))
    })

    beego.recode(streams).forEach((answer, i) => {
      const back = Result.getOrThrow(field.decode(fieldOf(Buffer.from(answer.hex!, "hex"))))
      expect(back, `seed ${seed}`).toEqual(values[i])
    })
  })
})

const Address = Schema.Struct({ City: Schema.String, Zip: Schema.Int })

const GoProfile = Schema.Struct({
  Name: Schema.String,
  Age: Schema.Int,
  Admin: Schema.Boolean,
  Tags: Schema.Array(Schema.String),
  Nested: Address
})

const asta = { Name: "asta", Age: 33, Admin: true, Tags: ["go", "web"], Nested: { City: "Shanghai", Zip: 200000 } }
const zeros = { Name: "asta", Age: 0, Admin: false, Tags: [], Nested: { City: "", Zip: 0 } }

describe("reading what Go wrote", () => {
  it.each<readonly [vector: string, Schema.Codec<any, any>, value: unknown]>([
    ["string_string", Schema.String, "astaxie"],
    ["string_int8", Schema.Int, -128],
    ["string_uint16", Schema.Natural, 65535],
    ["string_int64", Schema.Number, 1234567890123],
    ["string_uint64_max", Schema.BigInt, 2n ** 64n - 1n],
    ["string_int_1", Schema.BigInt, 1n],
    ["string_uint64_max", Schema.BigIntFromString.pipe(Gob.uint64), 2n ** 64n - 1n],
    ["string_float64_17", Schema.Int, 17],
    ["string_float32", Schema.Number, Math.fround(0.1)],
    ["string_float64_neginf", Schema.Number, Number.NEGATIVE_INFINITY],
    ["string_bool_true", Schema.Boolean, true],
    ["string_bytes", Schema.Uint8Array, Uint8Array.of(0, 1, 2, 254, 255)],
    ["string_bytes", Schema.Array(Schema.Int), [0, 1, 2, 254, 255]],
    ["string_string", Schema.Uint8Array, new TextEncoder().encode("astaxie")],
    ["time_utc", Schema.Date, new Date("2024-02-29T12:34:56.789Z")],
    ["time_zone", Schema.DateTimeUtc, DateTime.makeUnsafe("2024-02-29T12:34:56+08:00")],
    ["time_sub_minute_zone", Schema.Date, new Date("1899-12-31T15:54:17Z")],
    ["time_zero", Schema.DateFromString.pipe(Gob.time), new Date("0001-01-01T00:00:00Z")],
    ["time_utc", Schema.Number.pipe(Gob.time), Date.UTC(2024, 1, 29, 12, 34, 56, 789)],
    ["ints_slice", Schema.Array(Schema.Int), [-1, 0, 1, 1000000]],
    ["floats_slice", Schema.Tuple([Schema.Number, Schema.Number, Schema.Number]), [0, 1, -2.5]],
    ["strings_slice_empty", Schema.Array(Schema.String), []],
    ["any_slice", Schema.Unknown, ["a", 1, 2.5, true, null, Uint8Array.of(0x78)]],
    ["map_string_string", Schema.Record(Schema.String, Schema.String), { x: "y" }],
    ["map_int_any", Schema.Record(Schema.String, Schema.String), { "1": "one" }],
    ["map_any_any", Schema.Struct({ "2": Schema.String, s: Schema.Int }), { "2": "i", s: 1 }],
    ["struct_full", GoProfile, asta],
    [
      "struct_ptr",
      Schema.Struct({ Name: Schema.String, Nested: Schema.Unknown }),
      { Name: "asta", Nested: { City: "", Zip: 0 } }
    ],
    ["test_gob_like", GoProfile, zeros],
    ["test_gob_like", Schema.Union([Address, GoProfile]), zeros],
    ["test_gob_like", Schema.Struct({ Name: Schema.String, Email: Schema.optional(Schema.String) }), { Name: "asta" }],
    ["string_int_0", Schema.Union([Schema.String, Schema.Boolean, Schema.Int]), 0]
  ])("%s as %s", (name, schema, value) => {
    expect(Gob.field(schema).decode(recorded(name))).toEqual(Result.succeed(value))
  })

  it.each<readonly [vector: string, Schema.Codec<any, any>, message: RegExp]>([
    ["string_string", Schema.Int, /expected a number, got a Go string/],
    ["string_int_1", Schema.String, /expected text, got a Go int/],
    ["string_int_max", Schema.Int, /beyond 2\^53/],
    ["string_bool_true", Schema.Date, /expected a time, got a Go bool/],
    ["string_float64_pi", Schema.Int, /Expected an integer/],
    ["string_int_m1", Schema.Natural, /non-negative number|greater than or equal to 0/],
    ["any_slice", Schema.Array(Schema.String), /expected text, got a Go int/],
    ["string_string", Schema.Struct({ n: Schema.Int }), /expected a Go map or struct, got string/],
    ["map_string_string", Schema.Array(Schema.String), /expected a Go slice, got map/],
    ["struct_full", Schema.Struct({ Name: Schema.String, Missing: Schema.Int }), /missing/i],
    ["string_string", Schema.Union([Schema.Int, Schema.Boolean]), /no member of the union fits a Go string/]
  ])("%s is no %s", (name, schema, message) => {
    expect(issue(Gob.field(schema).decode(recorded(name)))).toMatch(message)
  })

  it("text that is not UTF-8 is bytes, and no text", () => {
    const bytes = Uint8Array.of(0x61, 0xff, 0xfe)
    const written = Result.getOrThrow(Gob.field(Schema.Uint8Array.pipe(Gob.string)).encode(bytes))
    const back = fieldOf(session(written))
    expect(back).toEqual({ goType: "string", type: { kind: "string" }, content: bytes })
    expect(Gob.field(Schema.Uint8Array).decode(back)).toEqual(Result.succeed(bytes))
    expect(issue(Gob.field(Schema.String).decode(back))).toMatch("not UTF-8")
  })

  it("a key named __proto__ is a key", () => {
    const field = Gob.field(Schema.Unknown)
    const value = JSON.parse('{"__proto__":1,"constructor":2}')
    const back = Result.getOrThrow(field.decode(fieldOf(session(Result.getOrThrow(field.encode(value))))))
    expect(Object.entries(back as object)).toEqual(Object.entries(value))
  })
})

describe("what Go cannot hold is refused", () => {
  const cyclic: Array<unknown> = []
  cyclic.push(cyclic)

  it.each<readonly [name: string, Schema.Codec<any, any>, value: unknown, message: RegExp]>([
    ["nil at the top", Schema.NullOr(Schema.String), null, /nil/],
    ["beyond int8", Schema.Int.pipe(Gob.int8), 128, /Go int8/],
    ["negative uint", Schema.Int.pipe(Gob.uint64), -1, /Go uint64/],
    ["beyond int64", Schema.BigInt, 2n ** 63n, /Go int64/],
    ["an unsafe integer", Schema.Number.pipe(Gob.int), 2 ** 60, /Go int/],
    ["a fraction", Schema.Number.pipe(Gob.int), 1.5, /Go int/],
    ["beyond float32", Schema.Number.pipe(Gob.float32), 1e300, /Go float32/],
    ["no date", Schema.Date, new Date(Number.NaN), /Go time.Time|valid Date/],
    ["text that is no date", Schema.String.pipe(Gob.time), "soon", /Go time.Time/],
    ["half a surrogate pair", Schema.String, "\ud800", /surrogate/],
    ["half a surrogate pair in a key", Schema.Record(Schema.String, Schema.Int), { "\ud800": 1 }, /surrogate/],
    ["nil in []string", Schema.Array(Schema.NullOr(Schema.String)).pipe(Gob.as("[]string")), ["a", null], /Go string/],
    [
      "a key that is no int",
      Schema.Record(Schema.String, Schema.Int).pipe(Gob.as("map[int]int")),
      { "01": 1 },
      /Go int/
    ],
    ["a cycle", Schema.Unknown, cyclic, /too deep/],
    ["an object of a class", Schema.Unknown, new Map(), /object of a class/],
    ["a function", Schema.Unknown, () => 1, /function/]
  ])("%s", (_, schema, value, message) => {
    const refused = issue(Gob.field(schema).encode(value))
    expect(refused).toMatch(message)
    expect(refused).not.toContain("\ud800")
  })
})

it("any bytes that Go has in a string are read as the text that they are, or stay bytes", () => {
  const letter = FastCheck.oneof(
    FastCheck.constantFrom("a", " ", "\u0000", "\u007f", "\u0080", "ë", "\u07ff", "\u0800", "日", "\ufffd", "😀"),
    FastCheck.fullUnicode()
  ).map((text) => [...Buffer.from(text)])
  // Halves of letters, letters in more bytes than they need, what no text has.
  const broken = FastCheck.constantFrom(
    [0xc2],
    [0x80],
    [0xc0, 0x80],
    [0xc1, 0xbf],
    [0xe2, 0x82],
    [0xed, 0xa0, 0x80],
    [0xff]
  )
  const texts = FastCheck.array(FastCheck.oneof({ arbitrary: letter, weight: 5 }, { arbitrary: broken, weight: 1 }))
  const { encode } = Gob.field(Schema.Uint8Array.pipe(Gob.string))
  FastCheck.assert(
    FastCheck.property(texts, (letters) => {
      const bytes = Buffer.from(letters.flat())
      const session = Gob.encode({ fields: new Map([["text", Result.getOrThrow(encode(bytes))]]), others: [] })
      const { fields } = Result.getOrThrow(Gob.decode(Result.getOrThrow(session)))
      expect(fields.get("text")?.content).toEqual(
        isUtf8(bytes) ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes) : new Uint8Array(bytes)
      )
    }),
    { numRuns: soak(3_000, 30_000) }
  )
})
