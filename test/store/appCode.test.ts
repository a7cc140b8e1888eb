/**
 * The app's own code inside of a session (Schemas, `migrate`, `default`, the function of an `update`) when it throws.
 */
import { defectIn } from "#dialect/runtime"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import { transform } from "#test/schema"
import { describe, expect, it } from "#test/vitest"
import * as Gob from "../../src/beego/gob/codec.js"
import * as SessionStore from "../../src/Store/SessionStore.js"
import { stored } from "./fakeCell.js"

const Theme = Schema.Struct({ name: Schema.String })
const parsed = transform(Schema.String, Theme, {
  decode: (text) => JSON.parse(text) as { name: string },
  encode: ({ name }) => {
    if (name === "secret-7") {
      throw new Error("secret-7")
    }
    return JSON.stringify({ name })
  }
})
const light = () => ({ name: "light" })

class V1 extends SessionStore.Tag<V1>()("Prefs", { theme: Schema.String, other: Schema.String }) {}
class Migrating extends SessionStore.Tag<Migrating>()("Prefs", {
  theme: SessionStore.field(Theme, {
    default: light,
    migrate: (old) => ({ name: (old as { theme: { name: string } }).theme.name })
  })
}) {}
class Transforming extends SessionStore.Tag<Transforming>()("Prefs", {
  theme: SessionStore.field(parsed, { default: light })
}) {}
class Mended extends SessionStore.Tag<Mended>()("Prefs", {
  theme: SessionStore.field(parsed, { migrate: (old) => JSON.stringify({ name: old }) })
}) {}
class NoDefault extends SessionStore.Tag<NoDefault>()("Prefs", { theme: parsed, other: Schema.String }) {}
class Counter extends SessionStore.Tag<Counter>()("Counter", {
  n: SessionStore.field(Schema.Natural, { default: () => 0 }),
  other: Schema.String,
  broken: SessionStore.field(Schema.Int, {
    default: (): number => {
      throw new Error("no default")
    }
  })
}) {}

const dark = (codec?: typeof Gob.codec) =>
  stored(V1, (session) => Effect.andThen(session.set("theme", "dark"), session.set("other", "kept")), codec)

describe("a stored value that makes the app's code throw", () => {
  for (const [name, store] of [
    ["migrate", Migrating],
    ["a transformation", Transforming]
  ] as const) {
    it.effect(`${name}: is dropped and reported, and the default is given; setting it mends it`, () =>
      Effect.gen(function* () {
        const record = yield* dark()
        const session = record.open(store)
        expect(yield* session.get("theme")).toEqual({ name: "light" })
        expect(record.dropped).toEqual(["Prefs.theme"])
        expect(yield* session.update("theme", ({ name }) => ({ name: `${name}er` }))).toEqual({ name: "lighter" })
        yield* session.save
        expect(yield* record.open(store).get("theme")).toEqual({ name: "lighter" })
        expect(record.dropped.every((key) => key === "Prefs.theme")).toBe(true)
      })
    )
  }

  it.effect("without a default: None, and nothing to take", () =>
    Effect.gen(function* () {
      const record = yield* dark()
      const session = record.open(NoDefault)
      expect(yield* session.get("theme")).toEqual(Option.none())
      expect(yield* session.take("theme")).toEqual(Option.none())
      expect(yield* session.takeAndSave("theme")).toEqual(Option.none())
      expect(record.writes).toBe(1)
      expect(yield* record.open(V1).get("theme")).toEqual(Option.some("dark"))
    })
  )

  it.effect("where the Schema throws, migrate is still asked", () =>
    Effect.gen(function* () {
      const record = yield* dark()
      expect(yield* record.open(Mended).get("theme")).toEqual(Option.some({ name: "dark" }))
    })
  )

  it.effect("the same in beego's format", () =>
    Effect.gen(function* () {
      const record = yield* dark(Gob.codec)
      expect(yield* record.open(Transforming).get("theme")).toEqual({ name: "light" })
      expect(yield* record.open(Migrating).get("theme")).toEqual({ name: "light" })
      expect(record.dropped).toEqual(["theme", "theme"])
    })
  )

  it.effect("what migrate changes in place stays as it was stored", () =>
    Effect.gen(function* () {
      class Old extends SessionStore.Tag<Old>()("Prefs", { sizes: Schema.Array(Schema.String) }) {}
      class New extends SessionStore.Tag<New>()("Prefs", {
        sizes: SessionStore.field(Schema.Array(Schema.Number), {
          migrate: (old) => (old as Array<unknown>).splice(0).map(Number)
        }),
        n: Schema.Int
      }) {}
      const record = yield* stored(Old, (session) => session.set("sizes", ["1", "2"]))
      const session = record.open(New)
      expect(yield* session.get("sizes")).toEqual(Option.some([1, 2]))
      yield* session.set("n", 1)
      yield* session.save
      expect(yield* record.open(Old).get("sizes")).toEqual(Option.some(["1", "2"]))
    })
  )
})

describe("a value that the Schema throws on", () => {
  it.effect("is InvalidValue, which names the field and not the value, and leaves the session as it was", () =>
    Effect.gen(function* () {
      const record = yield* dark()
      const session = record.open(NoDefault)
      for (const refused of [
        session.set("theme", { name: "secret-7" }),
        session.update("theme", () => ({ name: "secret-7" })),
        session.updateAndSave("theme", () => ({ name: "secret-7" }))
      ]) {
        const error = yield* Effect.flip(refused as Effect.Effect<unknown, { reason: string; message: string }>)
        expect(error.reason).toBe("InvalidValue")
        expect(error.message).toContain("Prefs.theme")
        expect(error.message).not.toContain("secret-7")
      }
      yield* session.set("other", "changed")
      yield* session.save
      expect(yield* record.open(V1).get("theme")).toEqual(Option.some("dark"))
      expect(yield* record.open(V1).get("other")).toEqual(Option.some("changed"))
    })
  )
})

describe("the function of an update", () => {
  const bug = new Error("a bug of the app")
  const throwing = (_: unknown): number => {
    throw bug
  }

  it.effect("that throws is a defect of the call, is not logged, and loses no other change", () =>
    Effect.gen(function* () {
      const record = yield* stored(Counter, (session) => session.set("n", 1))
      const session = record.open(Counter)
      yield* session.set("other", "kept")
      for (const update of [session.update("n", throwing), session.updateAndSave("n", throwing)]) {
        const exit = yield* Effect.exit(update)
        expect(Exit.isFailure(exit) && defectIn(exit.cause)).toEqual(Option.some(bug))
      }
      expect(record.writes).toBe(1)
      yield* session.update("n", (n) => n + 1)
      yield* session.save
      const after = record.open(Counter)
      expect([yield* after.get("n"), yield* after.get("other")]).toEqual([2, Option.some("kept")])
    })
  )

  it.effect("that throws on what another request stored fails the save with InvalidValue, and nothing is written", () =>
    Effect.gen(function* () {
      const record = yield* stored(Counter, (session) => session.set("n", 1))
      const session = record.open(Counter)
      expect(yield* session.update("n", (n) => (n === 1 ? 2 : throwing(n)))).toBe(2)
      const other = record.open(Counter)
      yield* other.set("n", 7)
      yield* other.save
      const error = yield* Effect.flip(session.save)
      expect([error.reason, error.message.includes("Counter.n"), error.message.includes("7")]).toEqual([
        "InvalidValue",
        true,
        false
      ])
      expect(yield* record.open(Counter).get("n")).toBe(7)
    })
  )

  it.effect("a default that throws is a defect of the call that needed it", () =>
    Effect.gen(function* () {
      const record = yield* stored(Counter, (session) => session.set("n", 1))
      const session = record.open(Counter)
      for (const call of [session.get("broken"), session.update("broken", (n) => n + 1)]) {
        const exit = yield* Effect.exit(call)
        expect(Exit.isFailure(exit) && Option.isSome(defectIn(exit.cause))).toBe(true)
      }
      yield* session.set("broken", 1)
      yield* session.save
      expect(yield* record.open(Counter).get("broken")).toBe(1)
    })
  )
})
