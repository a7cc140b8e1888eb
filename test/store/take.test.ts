/**
 * Values that are read once: `take` once a request, `takeAndSave` once for all.
 */
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import { describe, expect, it } from "#test/vitest"
import * as SessionStore from "../../src/Store/SessionStore.js"
import { FakeRecord, stored } from "./fakeCell.js"

class Codes extends SessionStore.Tag<Codes>()("Codes", {
  code: Schema.String,
  tries: SessionStore.field(Schema.Natural, { default: () => 3 })
}) {}

const issued = stored(Codes, (session) => session.set("code", "4711"))

describe("takeAndSave", () => {
  it.effect("of requests that all have read the value, exactly one gets it", () =>
    Effect.gen(function* () {
      const record = yield* issued
      const sessions = Array.from({ length: 20 }, () => record.open(Codes))
      yield* Effect.forEach(sessions, (session) => session.get("code"))
      const got = yield* Effect.forEach(sessions, (session) => session.takeAndSave("code"))
      expect(got.filter(Option.isSome)).toEqual([Option.some("4711")])
      expect(yield* record.open(Codes).get("code")).toEqual(Option.none())
    })
  )

  it.effect("gives the value that is stored by then, if another request set one in between", () =>
    Effect.gen(function* () {
      const record = yield* issued
      const session = record.open(Codes)
      yield* session.get("code")
      const other = record.open(Codes)
      yield* other.set("code", "0815")
      yield* other.save
      expect(yield* session.takeAndSave("code")).toEqual(Option.some("0815"))
      expect(yield* record.open(Codes).get("code")).toEqual(Option.none())
    })
  )

  it.effect("saves what the request changed before, and what it set itself it can take", () =>
    Effect.gen(function* () {
      const record = new FakeRecord()
      const session = record.open(Codes)
      yield* session.set("code", "1")
      yield* session.set("tries", 2)
      expect(yield* session.takeAndSave("code")).toEqual(Option.some("1"))
      expect(yield* session.takeAndSave("code")).toEqual(Option.none())
      const after = record.open(Codes)
      expect([yield* after.get("code"), yield* after.get("tries")]).toEqual([Option.none(), 2])
    })
  )

  it.effect("without a value writes nothing, and a default is none", () =>
    Effect.gen(function* () {
      const record = new FakeRecord()
      expect(yield* record.open(Codes).takeAndSave("code")).toEqual(Option.none())
      expect(yield* record.open(Codes).takeAndSave("tries")).toEqual(Option.none())
      expect(record.writes).toBe(0)
    })
  )
})

describe("take", () => {
  it.effect("saves nothing by itself, and gives the value to each request that had read it", () =>
    Effect.gen(function* () {
      const record = yield* issued
      const [one, two] = [record.open(Codes), record.open(Codes)]
      expect(yield* one.take("code")).toEqual(Option.some("4711"))
      expect(yield* one.take("code")).toEqual(Option.none())
      expect(record.writes).toBe(1)
      expect(yield* two.take("code")).toEqual(Option.some("4711"))
      yield* one.save
      yield* two.save
      expect(yield* record.open(Codes).get("code")).toEqual(Option.none())
    })
  )
})
