// The gob codec against what real beego wrote: the recorded vectors, and fresh random sessions.
import { readFileSync } from "node:fs"
import { Gob } from "effect-session/beego"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Result from "#effect/Result"
import { suite } from "../servers/need.js"
import { comparable, type Description, describeSession } from "./describe.js"
import { type Generated, type GobCheck, makeGobCheck } from "./gobcheck.js"
import { buildMillis } from "./goProgram.js"

interface Vector {
  readonly name: string
  readonly hex?: string
  readonly value?: Description
}

interface Vectors {
  readonly gob: ReadonlyArray<Vector>
  readonly gobErrors: ReadonlyArray<Vector>
  readonly files: ReadonlyArray<{ readonly path: string; readonly hex: string; readonly value?: Description }>
}

const vectors: Vectors = JSON.parse(readFileSync(new URL("../data/beego/vectors.json", import.meta.url), "utf8"))

const recorded = [
  ...vectors.gob,
  ...vectors.gobErrors.filter(({ hex }) => hex !== undefined),
  ...vectors.files.filter(({ hex }) => hex !== "").map((file) => ({ ...file, name: `file ${file.path}` }))
].map(({ hex, name, value }) => ({ name, stream: Buffer.from(hex!, "hex"), value: value! }))

const decode = (stream: Uint8Array) => Result.getOrThrow(Gob.decode(stream))

const encode = (session: Gob.GobSession) => Result.getOrThrow(Gob.encode(session))

describe("gob vectors", () => {
  it.each(recorded)("$name is what it describes", ({ stream, value }) => {
    expect(comparable(describeSession(decode(stream)))).toEqual(comparable(value))
  })

  it.each(recorded)("$name is the same after a write and a read", ({ stream }) => {
    const session = decode(stream)
    expect(decode(encode(session))).toEqual(session)
  })

  it("a session of plain values is written with the very bytes that Go writes", () => {
    const plain = vectors.gob.filter(({ name }) =>
      /^(string_(?!float64_nan)|empty_map|int_key|bool_key|uint8_key)/.test(name)
    )
    expect(plain.length).toBeGreaterThan(30)
    for (const { hex } of plain) {
      expect(Buffer.from(encode(decode(Buffer.from(hex!, "hex")))).toString("hex")).toBe(hex)
    }
  })

  it("numbers beyond 2^53 are bigints, others numbers", () => {
    const contentOf = (name: string) => {
      const session = decode(recorded.find((vector) => vector.name === name)!.stream)
      return Array.from(session.fields.values(), (value) => value.content)
    }
    expect(contentOf("string_int_2e53")).toEqual([9007199254740992n])
    expect(contentOf("string_int_min")).toEqual([-9223372036854775808n])
    expect(contentOf("string_uint64_max")).toEqual([18446744073709551615n])
    expect(contentOf("string_int_2e31")).toEqual([2147483648])
  })
})

suite("gob and real beego", ["go"], () => {
  let beego: GobCheck
  let generated: ReadonlyArray<Generated>

  beforeAll(async () => {
    beego = await makeGobCheck()
    const seed = Math.floor(Math.random() * 2 ** 31)
    console.info(`random sessions of seed ${seed}`)
    generated = beego.generate(seed, 1000)
  }, buildMillis)

  afterAll(() => beego?.close())

  it("random sessions are what Go says they are", () => {
    expect(generated.length).toBe(1000)
    for (const { hex, value } of generated) {
      expect(comparable(describeSession(decode(Buffer.from(hex, "hex"))))).toEqual(comparable(value))
    }
  })

  it("Go reads the same values from random sessions that were read and written here", () => {
    const answers = beego.decode(generated.map(({ hex }) => encode(decode(Buffer.from(hex, "hex")))))
    answers.forEach((answer, i) => {
      expect(answer.error).toBeUndefined()
      expect(comparable(answer.value)).toEqual(comparable(generated[i]!.value))
    })
  })

  it("what goes from Go to here to Go to here is what Go wrote first", () => {
    const answers = beego.recode(generated.map(({ hex }) => encode(decode(Buffer.from(hex, "hex")))))
    answers.forEach((answer, i) => {
      expect(answer.error).toBeUndefined()
      expect(comparable(describeSession(decode(Buffer.from(answer.hex!, "hex"))))).toEqual(
        comparable(generated[i]!.value)
      )
    })
  })
})
