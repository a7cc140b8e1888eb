/**
 * The stored format: keys, versions, and what is kept that nobody here knows.
 */
import * as FastCheck from "fast-check"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import { describe, expect, it } from "#test/vitest"
import type * as SessionProvider from "../../src/Provider/Provider.js"
import { SessionError } from "../../src/SessionError.js"
import { json, type SessionData } from "../../src/Store/Codec.js"
import * as SessionStore from "../../src/Store/SessionStore.js"
import { soak } from "../support/soak.js"
import { FakeRecord, stored } from "./fakeCell.js"

const bytes = (text: string) => Buffer.from(text)
const written = (data: SessionData): Uint8Array => {
  const payload = json.encode(data)
  if (payload instanceof SessionError) {
    throw payload
  }
  return payload
}
const text = (data: SessionData) => Buffer.from(written(data)).toString()

describe("the keys of fields", () => {
  const name = FastCheck.oneof(
    FastCheck.string({ unit: FastCheck.constantFrom("a", ".", "\\"), maxLength: 6 }),
    FastCheck.string()
  )

  it("are the store's name, a dot and the field's, as long as the field's has no dot", () => {
    expect(json.key("AppSession", "userId")).toBe("AppSession.userId")
    expect(json.key("@acme/shop.Cart", "items")).toBe("@acme/shop.Cart.items")
    expect(json.key("shop", "cart.items")).toBe("shop.cart\\.items")
  })

  it("never collide", () => {
    FastCheck.assert(
      FastCheck.property(name, name, name, name, (store, field, otherStore, otherField) => {
        expect(json.key(store, field) === json.key(otherStore, otherField)).toBe(
          store === otherStore && field === otherField
        )
      }),
      { numRuns: soak(2_000, 20_000) }
    )
    const short = ["", "a", ".", "\\", "a.", ".a", "a\\", "\\a", "..", "\\.", ".\\", "\\\\", "a.a", "a\\.a"]
    const pairs = short.flatMap((store) => short.map((field) => json.key(store, field)))
    expect(new Set(pairs).size).toBe(pairs.length)
  })

  it.effect("so stores whose names have dots hold their own values", () =>
    Effect.gen(function* () {
      class Shop extends SessionStore.Tag<Shop>()("shop", { "cart.items": Schema.String }) {}
      class Cart extends SessionStore.Tag<Cart>()("shop.cart", { items: Schema.String }) {}
      const record = yield* stored(Shop, (session) => session.set("cart.items", "of Shop"))
      const cart = record.open(Cart)
      expect(yield* cart.get("items")).toEqual(Option.none())
      yield* cart.set("items", "of Cart")
      yield* cart.save
      expect(yield* record.open(Shop).get("cart.items")).toEqual(Option.some("of Shop"))
      yield* Effect.andThen(cart.flush, cart.save)
      expect(yield* record.open(Shop).get("cart.items")).toEqual(Option.some("of Shop"))
    })
  )
})

describe("the JSON format", () => {
  it("reads what it writes, whatever the keys", () => {
    const key = FastCheck.oneof(FastCheck.string(), FastCheck.constantFrom("__proto__", "constructor", "v", "t", "d"))
    const values = FastCheck.array(FastCheck.tuple(key, FastCheck.jsonValue()), { maxLength: 8 })
    FastCheck.assert(
      FastCheck.property(FastCheck.nat(), values, values, (createdAt, entries, others) => {
        const plain = (list: typeof entries): Record<string, unknown> =>
          JSON.parse(JSON.stringify(Object.fromEntries(list)))
        const { d, t, v, ...rest } = plain(others)
        const data = { createdAt, values: plain(entries), ...(Object.keys(rest).length > 0 ? { rest } : {}) }
        expect(JSON.stringify(json.decode(written(data)))).toBe(JSON.stringify(data))
      })
    )
  })

  it("is this text", () => {
    const data = { createdAt: 1700000000000, values: { "AppSession.userId": "ada" } }
    expect(text(data)).toBe('{"v":2,"t":1700000000000,"d":{"AppSession.userId":"ada"}}')
  })

  it("reads records of version 1, which had no number, and writes them as version 2", () => {
    const data = json.decode(bytes('{"t":5,"d":{"AppSession.userId":"ada"}}'))!
    expect(data).toEqual({ createdAt: 5, values: { "AppSession.userId": "ada" } })
    expect(text(data)).toBe('{"v":2,"t":5,"d":{"AppSession.userId":"ada"}}')
  })

  it.effect("gives what version 1 stored under a name with dots to the store that has them", () =>
    Effect.gen(function* () {
      class Shop extends SessionStore.Tag<Shop>()("shop", { "cart.items": Schema.String, n: Schema.Int }) {}
      class Cart extends SessionStore.Tag<Cart>()("shop.cart", { items: Schema.String }) {}
      const record = new FakeRecord()
      record.payload = bytes('{"t":5,"d":{"shop.cart.items":"old","shop.n":1}}')
      expect(yield* record.open(Cart).get("items")).toEqual(Option.some("old"))
      expect(yield* record.open(Shop).get("cart.items")).toEqual(Option.none())
      expect(yield* record.open(Shop).get("n")).toEqual(Option.some(1))
    })
  )

  it("does not read versions that it does not know", () => {
    for (const v of ["4", "1", '"3"', "null", "{}"]) {
      expect(json.decode(bytes(`{"v":${v},"t":5,"d":{}}`))).toBeUndefined()
    }
  })

  it("notes an owner and the age of an id in version 3, which says nothing else about them", () => {
    const owner = {
      principal: "hash" as SessionProvider.StoredId,
      sealed: "sealed",
      family: "family",
      moves: 0,
      startedAt: 1,
      signedInAt: 2,
      seenAt: 3,
      lifetimes: [4, 5] as const
    }
    const data = { createdAt: 5, idMadeAt: 6, owner, values: { "App.n": 1 } }
    const payload = Buffer.from(json.encode(data) as Uint8Array).toString()
    expect(JSON.parse(payload)).toEqual({ v: 3, t: 5, i: 6, o: owner, d: { "App.n": 1 } })
    expect(json.decode(bytes(payload))).toEqual(data)
    for (const torn of [
      { ...owner, family: undefined },
      { ...owner, seenAt: "3" },
      { ...owner, lifetimes: [4] },
      { ...owner, lifetimes: [4, 0] },
      { ...owner, generation: 7 },
      "ada",
      null
    ]) {
      expect(json.decode(bytes(JSON.stringify({ v: 3, t: 5, o: torn, d: {} })))).toBeUndefined()
    }
    expect(json.decode(bytes('{"v":3,"t":5,"i":"6","d":{}}'))).toBeUndefined()
    expect(json.decode(bytes('{"v":2,"t":5,"o":"an app of its own","d":{}}'))).toEqual({
      createdAt: 5,
      values: {},
      rest: { o: "an app of its own" }
    })
  })

  it.effect("keeps what it does not know beside the values", () =>
    Effect.gen(function* () {
      class App extends SessionStore.Tag<App>()("App", { n: Schema.Int }) {}
      const record = new FakeRecord()
      record.payload = bytes('{"v":2,"t":5,"p":{"sub":"ada"},"d":{"Other.x":[1]}}')
      const session = record.open(App)
      yield* session.set("n", 1)
      yield* session.save
      expect(JSON.parse(Buffer.from(record.payload!).toString())).toEqual({
        v: 2,
        t: 5,
        p: { sub: "ada" },
        d: { "Other.x": [1], "App.n": 1 }
      })
    })
  )

  it("does not throw on what JSON cannot write", () => {
    const nested = json.decode(bytes(`{"v":2,"t":5,"d":{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}}`))!
    for (const data of [nested, { createdAt: 1, values: { a: 1n } }]) {
      const error = json.encode(data)
      expect(error instanceof SessionError && error.reason).toBe("InvalidValue")
    }
  })

  it("is never confused by bytes that are something else", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array(), (payload) => {
        const data = json.decode(payload)
        expect(data === undefined || typeof data.createdAt === "number").toBe(true)
      })
    )
    for (const other of ["", "{", "null", "[]", "1", '{"t":1}', '{"d":{}}', '{"t":"1","d":{}}', '{"t":1,"d":[]}']) {
      expect(json.decode(bytes(other))).toBeUndefined()
    }
  })
})
