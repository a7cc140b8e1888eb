/**
 * What a field's value may be: what is refused, what survives, and that sessions share no objects with handlers.
 */
import * as FastCheck from "fast-check"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import { describe, expect, it } from "#test/vitest"
import * as Gob from "../../src/beego/gob/codec.js"
import * as SessionStore from "../../src/Store/SessionStore.js"
import { FakeRecord, stored } from "./fakeCell.js"

interface Nested {
  readonly in?: Nested | undefined
}
const Nested: Schema.Codec<Nested> = Schema.Struct({
  in: Schema.optional(Schema.suspend((): Schema.Codec<Nested> => Nested))
})

class Loose extends SessionStore.Tag<Loose>()("Loose", {
  any: Schema.Unknown,
  cart: Schema.Struct({ items: Schema.mutable(Schema.Array(Schema.Unknown)) }),
  empty: Schema.Struct({}),
  nested: Nested,
  tags: Schema.Record(Schema.String, Schema.Unknown),
  inside: Schema.Array(Schema.Struct({ tags: Schema.Record(Schema.String, Schema.Number) })),
  name: Schema.UndefinedOr(Schema.String),
  number: Schema.Number,
  n: Schema.Int
}) {}

const deep = (levels: number): Nested => {
  let value: Nested = {}
  for (let i = 1; i < levels; i++) {
    value = { in: value }
  }
  return value
}

const cyclic = () => {
  const value: { self?: unknown; twin?: unknown } = {}
  value.self = value
  value.twin = value
  return value
}

const proto = (text: string): { readonly [key: string]: never } => JSON.parse(text)

/** Sets a value, saves, and gives what another request reads. */
const kept = <K extends keyof (typeof Loose)["fields"] & string>(
  key: K,
  value: SessionStore.Value<(typeof Loose)["fields"][K]>
) =>
  Effect.flatMap(
    stored(Loose, (session) => session.set(key, value)),
    (record) => record.open(Loose).get(key)
  )

const refused = (set: Effect.Effect<void, unknown>) =>
  Effect.map(Effect.flip(set), (error) => {
    expect(error).toMatchObject({ _tag: "SessionError", reason: "InvalidValue" })
    return (error as { message: string }).message
  })

describe("values that cannot be stored are InvalidValue", () => {
  for (const [format, codec] of [
    ["JSON", undefined],
    ["gob", Gob.codec]
  ] as const) {
    it.effect(`cyclic ones, and those that nest too deep (${format})`, () =>
      Effect.gen(function* () {
        const session = new FakeRecord(codec).open(Loose)
        const circle: { in?: Nested } = {}
        circle.in = circle
        expect(yield* refused(session.set("any", cyclic()))).toContain("Loose.any")
        expect(yield* refused(session.set("any", [cyclic()]))).toContain("Loose.any")
        yield* refused(session.set("nested", circle))
        yield* refused(session.set("tags", cyclic() as {}))
        yield* refused(session.set("any", deep(100_000)))
        yield* refused(session.set("nested", deep(100_000)))
        yield* refused(session.set("any", deep(501)))
        yield* refused(session.update("any", cyclic))
      })
    )
  }

  it.effect("500 levels are stored, saved and read, through any Schema", () =>
    Effect.gen(function* () {
      expect(yield* kept("any", deep(500))).toEqual(Option.some(deep(500)))
      expect(yield* kept("nested", deep(500))).toEqual(Option.some(deep(500)))
    })
  )

  it.effect("objects that throw when one looks at them", () =>
    Effect.gen(function* () {
      const session = new FakeRecord().open(Loose)
      const trap = () => {
        throw new Error("trap")
      }
      yield* refused(
        session.set("any", {
          get x() {
            return trap()
          }
        })
      )
      yield* refused(session.set("any", new Proxy({}, { ownKeys: trap, getPrototypeOf: trap })))
    })
  )

  it.effect("what JSON would change: holes, undefined in arrays, bigints, classes", () =>
    Effect.gen(function* () {
      const session = new FakeRecord().open(Loose)
      // biome-ignore lint/suspicious/noSparseArray: the point
      for (const value of [[1, , 2], [undefined], 1n, Symbol("x"), new Date(), new Map(), () => 1, Number.NaN]) {
        yield* refused(session.set("any", { value }))
        yield* refused(session.set("any", value))
      }
    })
  )

  it.effect("undefined, and the message says what to do", () =>
    Effect.gen(function* () {
      const session = new FakeRecord().open(Loose)
      const message = yield* refused(session.set("name", undefined))
      expect(message).toBe("Loose.name: undefined cannot be stored: delete the field instead")
      expect(yield* refused(session.set("number", Number.POSITIVE_INFINITY))).toContain("JSON holds")
      expect(yield* refused(session.set("n", "secret-7" as never))).not.toContain("secret-7")
    })
  )
})

describe("odd values that can be stored", () => {
  it.effect("properties that are undefined are left out, and -0 is 0, for the request that sets them too", () =>
    Effect.gen(function* () {
      const session = new FakeRecord().open(Loose)
      yield* session.set("any", { a: undefined, b: [-0] })
      expect(Object.keys(Option.getOrThrow(yield* session.get("any")) as {})).toEqual(["b"])
      expect(yield* kept("any", { a: undefined, b: -0 })).toStrictEqual(Option.some({ b: 0 }))
    })
  )

  it.effect("a key __proto__ is kept where the Schema keeps it, and refused where it would be lost", () =>
    Effect.gen(function* () {
      const value = proto('{"__proto__":{"a":1},"other":2}')
      const read = Option.getOrThrow(yield* kept("any", value)) as object
      expect(Object.keys(read)).toEqual(["__proto__", "other"])
      expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
      for (const codec of [undefined, Gob.codec]) {
        const session = new FakeRecord(codec).open(Loose)
        expect(yield* refused(session.set("tags", value))).toContain("__proto__")
        expect(yield* refused(session.set("inside", [{ tags: proto('{"__proto__":1}') }]))).toContain("__proto__")
        yield* session.set("tags", { constructor: 1, toString: 2, hasOwnProperty: 3 })
        expect(yield* session.get("tags")).toEqual(Option.some({ constructor: 1, toString: 2, hasOwnProperty: 3 }))
      }
    })
  )

  it.effect("a record that was stored with a key __proto__ is not read as if it had none", () =>
    Effect.gen(function* () {
      class Before extends SessionStore.Tag<Before>()("Loose", { tags: Schema.Unknown }) {}
      const record = yield* stored(Before, (session) => session.set("tags", proto('{"__proto__":{"admin":1}}')))
      expect(yield* record.open(Loose).get("tags")).toEqual(Option.none())
      expect(record.dropped).toEqual(["Loose.tags"])
    })
  )

  it.effect("any JSON value comes back as it was", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(FastCheck.jsonValue({ maxDepth: 6 }), (json) => {
          const value = JSON.parse(JSON.stringify(json))
          return Effect.runPromise(
            Effect.map(kept("any", value), (read) => {
              expect(JSON.stringify(read)).toBe(JSON.stringify(Option.some(value)))
            })
          )
        })
      )
    )
  )

  for (const [format, codec] of [
    ["JSON", undefined],
    ["gob", Gob.codec]
  ] as const) {
    it.effect(`names of stores and fields that objects have already (${format})`, () =>
      Effect.gen(function* () {
        const fields = Object.fromEntries(
          ["constructor", "__proto__", "toString", "hasOwnProperty"].map((name) => [name, Schema.Unknown])
        ) as Record<string, Schema.Codec<unknown>>
        for (const name of ["__proto__", "constructor"]) {
          const store = SessionStore.Tag<any>()(name, fields) as SessionStore.Any
          for (const key of Object.keys(fields)) {
            expect(yield* new FakeRecord(codec).open(store).get(key)).toEqual(Option.none())
            const record = yield* stored(store, (session) => session.set(key, { a: 1 }), codec)
            const session = record.open(store)
            expect(yield* session.get(key)).toEqual(Option.some({ a: 1 }))
            expect(yield* session.takeAndSave(key)).toEqual(Option.some({ a: 1 }))
            expect(yield* record.open(store).get(key)).toEqual(Option.none())
          }
        }
      })
    )
  }
})

describe("beside values that JSON has no form for", () => {
  interface Tree {
    readonly name: Option.Option<string>
    readonly in?: Tree | undefined
  }
  const Tree: Schema.Codec<Tree, unknown> = Schema.Struct({
    name: Schema.Option(Schema.String),
    in: Schema.optional(Schema.suspend((): Schema.Codec<Tree, unknown> => Tree))
  }) as never

  class Mixed extends SessionStore.Tag<Mixed>()("Mixed", {
    order: Schema.Struct({
      shop: Schema.Option(Schema.String),
      price: Schema.Number,
      note: Schema.optional(Schema.String),
      gift: Schema.optional(
        Schema.Option(Schema.Struct({ card: Schema.optional(Schema.String), worth: Schema.Number }))
      )
    }),
    forest: Schema.Struct({ root: Schema.suspend(() => Tree) })
  }) {}
  const shop = Option.some("north")

  it.effect("a property that is undefined is left out", () =>
    Effect.gen(function* () {
      const record = yield* stored(Mixed, (session) => session.set("order", { shop, price: 1, note: undefined }))
      expect(record.data.values).toEqual({ "Mixed.order": { shop: { _tag: "Some", value: "north" }, price: 1 } })
      expect(record.data.values["Mixed.order"]).not.toHaveProperty("note")
      expect(yield* record.open(Mixed).get("order")).toEqual(Option.some({ shop, price: 1 }))
    })
  )

  it.effect("within them it is as well", () =>
    Effect.gen(function* () {
      const gift = Option.some({ card: undefined, worth: 2 })
      const record = yield* stored(Mixed, (session) => session.set("order", { shop, price: 1, gift }))
      const { gift: kept } = record.data.values["Mixed.order"] as { readonly gift: { readonly value: object } }
      expect(Object.keys(kept.value)).toEqual(["worth"])
      expect(yield* record.open(Mixed).get("order")).toEqual(
        Option.some({ shop, price: 1, gift: Option.some({ worth: 2 }) })
      )
    })
  )

  it.effect("a number that JSON does not have is refused", () =>
    Effect.gen(function* () {
      const session = new FakeRecord().open(Mixed)
      for (const price of [Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(yield* refused(session.set("order", { shop, price }))).toContain("JSON holds")
        const gift = Option.some({ worth: price })
        expect(yield* refused(session.set("order", { shop, price: 1, gift }))).toContain("JSON holds")
      }
    })
  )

  it.effect("a recursive Schema keeps them at each level", () =>
    Effect.gen(function* () {
      const forest = { root: { name: shop, in: { name: Option.none() } } }
      const record = yield* stored(Mixed, (session) => session.set("forest", forest))
      expect(record.data.values).toEqual({
        "Mixed.forest": { root: { name: { _tag: "Some", value: "north" }, in: { name: { _tag: "None" } } } }
      })
      expect(yield* record.open(Mixed).get("forest")).toEqual(Option.some(forest))
    })
  )
})

describe("a property that has to be there, and is undefined", () => {
  class Required extends SessionStore.Tag<Required>()("Required", {
    name: Schema.Struct({ first: Schema.UndefinedOr(Schema.String) }),
    any: Schema.Struct({ first: Schema.Unknown })
  }) {}

  it.effect.each(["name", "any"] as const)("is refused, or comes back: %s", (key) =>
    Effect.gen(function* () {
      const value = { first: undefined }
      const record = new FakeRecord()
      const session = record.open(Required)
      const isRefused = yield* Effect.match(session.set(key, value), { onFailure: () => true, onSuccess: () => false })
      yield* session.save
      expect(yield* record.open(Required).get(key)).toEqual(isRefused ? Option.none() : Option.some(value))
    })
  )
})

describe("a value that is changed in place", () => {
  it.effect("after set: is stored as it was", () =>
    Effect.gen(function* () {
      const record = new FakeRecord()
      const session = record.open(Loose)
      const any = { items: ["a"] as Array<unknown> }
      const cart = { items: [{ id: 1 }] as Array<unknown> }
      const empty = { x: 1 }
      yield* Effect.all([session.set("any", any), session.set("cart", cart), session.set("empty", empty)])
      any.items.push(new Date(0), () => 1)
      Object.assign(cart.items[0] as object, { id: 2 })
      empty.x = 2
      yield* session.save
      const after = record.open(Loose)
      expect(yield* after.get("any")).toEqual(Option.some({ items: ["a"] }))
      expect(yield* after.get("cart")).toEqual(Option.some({ items: [{ id: 1 }] }))
      expect(yield* after.get("empty")).toEqual(Option.some({ x: 1 }))
    })
  )

  it.effect("after get: changes nothing, though another field is written", () =>
    Effect.gen(function* () {
      const record = yield* stored(Loose, (session) =>
        Effect.all([session.set("any", { items: ["a"] }), session.set("cart", { items: [{ id: 1 }] })])
      )
      const session = record.open(Loose)
      const any = Option.getOrThrow(yield* session.get("any")) as { items: Array<string> }
      any.items.push("b")
      const cart = Option.getOrThrow(yield* session.get("cart"))
      Object.assign(cart.items[0] as object, { id: 2 })
      expect(yield* session.get("any")).toEqual(Option.some({ items: ["a"] }))
      yield* session.update("n", () => 1)
      yield* session.save
      const after = record.open(Loose)
      expect(yield* after.get("any")).toEqual(Option.some({ items: ["a"] }))
      expect(yield* after.get("cart")).toEqual(Option.some({ items: [{ id: 1 }] }))
    })
  )

  it.effect("the app's own object is neither frozen nor replaced", () =>
    Effect.gen(function* () {
      const value = { items: [1] }
      yield* new FakeRecord().open(Loose).set("any", value)
      value.items.push(2)
      expect(value).toEqual({ items: [1, 2] })
    })
  )

  it.effect("bytes in beego's format, which are read from a Buffer", () =>
    Effect.gen(function* () {
      class Bytes extends SessionStore.Tag<Bytes>()("Bytes", { raw: Schema.Uint8Array, any: Schema.Unknown }) {}
      const record = new FakeRecord(Gob.codec)
      const session = record.open(Bytes)
      const raw = new Uint8Array([1, 2, 3])
      yield* Effect.all([session.set("raw", raw), session.set("any", { raw })])
      raw[0] = 9
      yield* session.save
      record.payload = Buffer.from(record.payload!)
      const next = record.open(Bytes)
      const read = Option.getOrThrow(yield* next.get("raw"))
      const inside = (Option.getOrThrow(yield* next.get("any")) as { raw: Uint8Array }).raw
      expect([[...read], [...inside]]).toEqual([
        [1, 2, 3],
        [1, 2, 3]
      ])
      read[0] = 9
      inside[0] = 9
      expect([...Option.getOrThrow(yield* next.get("raw"))]).toEqual([1, 2, 3])
      expect(yield* next.get("any")).toEqual(Option.some({ raw: new Uint8Array([1, 2, 3]) }))
    })
  )
})
