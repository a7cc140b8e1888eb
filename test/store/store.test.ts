/**
 * The typed store: fields, values, the log of changes.
 */

import { type SessionError, SessionManager, SessionStore } from "effect-session"
import { signIn } from "effect-session/testing"
import * as FastCheck from "fast-check"
import { errorOf } from "#dialect/result"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Result from "#effect/Result"
import * as Schema from "#effect/Schema"
import { ReadonlyMap } from "#test/schema"
import { describe, expect, it } from "#test/vitest"
import { managerLayer } from "../support/http.js"

class Account extends SessionStore.Tag<Account>()("Account", {
  userId: Schema.String,
  since: Schema.DateFromString,
  visits: SessionStore.field(Schema.Natural, { default: () => 0 }),
  tags: SessionStore.field(Schema.Array(Schema.String), { default: () => [] }),
  seen: ReadonlyMap(Schema.String, Schema.BigIntFromString),
  notice: Schema.String,
  shops: Schema.Array(Schema.Option(Schema.BigIntFromString))
}) {}

type AccountSession = SessionStore.Session<(typeof Account)["fields"]>

/** Runs `f` on a stored session, and `g` on the same session, opened again. */
const twice = <A, B>(
  f: (session: AccountSession) => Effect.Effect<A, unknown>,
  g: (session: AccountSession) => Effect.Effect<B, unknown>
) =>
  Effect.gen(function* () {
    const headers = yield* signIn(Account, (session) => session.set("userId", "ada"))
    const id = SessionStore.sessionId(headers["cookie"]!.split("=")[1]!)
    const first = yield* SessionManager.open(Account, id)
    const a = yield* f(first)
    yield* first.save
    const b = yield* g(yield* SessionManager.open(Account, id))
    return [a, b] as const
  }).pipe(Effect.provide(managerLayer()))

const refused = <A>(effect: Effect.Effect<A, SessionError>) => Effect.orDie(Effect.flip(effect))

describe("fields", () => {
  it.effect("without a default are None until set, and after delete", () =>
    Effect.gen(function* () {
      const [before, after] = yield* twice(
        (session) => Effect.tap(session.get("since"), () => session.delete("userId")),
        (session) => session.get("userId")
      )
      expect([before, after]).toEqual([Option.none(), Option.none()])
    })
  )

  it.effect("hold values that JSON has no form for, if their Schema has one", () =>
    Effect.gen(function* () {
      const shops = [Option.some(2n ** 64n), Option.none()]
      const [, after] = yield* twice(
        (session) => session.set("shops", shops),
        (session) => session.get("shops")
      )
      expect(after).toEqual(Option.some(shops))
    })
  )

  it.effect("with a default are the default until set", () =>
    Effect.gen(function* () {
      const [before, after] = yield* twice(
        (session) => Effect.tap(session.get("visits"), () => session.set("visits", 3)),
        (session) => session.get("visits")
      )
      expect([before, after]).toEqual([0, 3])
    })
  )

  it.effect("keep dates, maps and big integers, through their Schemas", () =>
    Effect.gen(function* () {
      const since = new Date("2026-11-23T00:00:00.123Z")
      const seen = new Map([["a", 2n ** 70n]])
      const [, after] = yield* twice(
        (session) => Effect.andThen(session.set("since", since), session.set("seen", seen)),
        (session) => Effect.all([session.get("since"), session.get("seen")])
      )
      expect(after).toEqual([Option.some(since), Option.some(seen)])
    })
  )

  it.effect("refuse a value that their Schema refuses, and stay as they were", () =>
    Effect.gen(function* () {
      const [error, after] = yield* twice(
        (session) => Effect.flip(session.set("visits", -7)),
        (session) => session.get("visits")
      )
      expect(error.reason).toBe("InvalidValue")
      expect(error.message).toContain("Account.visits")
      expect(error.message).not.toContain("7")
      expect(after).toBe(0)
    })
  )

  it.effect("refuse what JSON would change", () =>
    Effect.gen(function* () {
      class Loose extends SessionStore.Tag<Loose>()("Loose", {
        number: Schema.Number,
        any: Schema.Unknown
      }) {}
      yield* signIn(Loose, (session) =>
        Effect.gen(function* () {
          expect((yield* refused(session.set("number", Number.NaN))).reason).toBe("InvalidValue")
          expect((yield* refused(session.set("any", new Date(0)))).reason).toBe("InvalidValue")
          expect((yield* refused(session.set("any", { deep: [new Map()] }))).reason).toBe("InvalidValue")
          yield* session.set("any", { deep: [null, "x", { y: 1 }] })
        })
      )
    }).pipe(Effect.provide(managerLayer()))
  )

  it.effect("operations can be taken apart", () =>
    Effect.gen(function* () {
      const [, after] = yield* twice(
        ({ set, update }) =>
          Effect.andThen(
            set("userId", "bob"),
            update("visits", (n) => n + 1)
          ),
        ({ get }) => Effect.all([get("userId"), get("visits")])
      )
      expect(after).toEqual([Option.some("bob"), 1])
    })
  )
})

describe("update", () => {
  it.effect("answers with the new value, and fails where the function leaves the Schema", () =>
    Effect.gen(function* () {
      const [[two, error], after] = yield* twice(
        (session) =>
          Effect.all([session.update("visits", (n) => n + 2), Effect.flip(session.update("visits", (n) => n - 9))]),
        (session) => session.get("visits")
      )
      expect([two, error.reason, after]).toEqual([2, "InvalidValue", 2])
    })
  )

  it.effect("of a field without a default gets an Option", () =>
    Effect.gen(function* () {
      const [first] = yield* twice(
        (session) => session.update("notice", Option.match({ onNone: () => "first", onSome: (s) => `${s}!` })),
        () => Effect.void
      )
      expect(first).toBe("first")
    })
  )

  it.effect("a value that a handler changes in place is not changed in the session", () =>
    Effect.gen(function* () {
      const [, after] = yield* twice(
        (session) =>
          Effect.gen(function* () {
            yield* session.set("tags", ["a"])
            const tags = (yield* session.get("tags")) as Array<string>
            tags.push("b")
            expect(yield* session.get("tags")).toEqual(["a"])
          }),
        (session) => session.get("tags")
      )
      expect(after).toEqual(["a"])
    })
  )
})

describe("flash values", () => {
  it.effect("are read once", () =>
    Effect.gen(function* () {
      const [first, second] = yield* twice(
        (session) => Effect.andThen(session.set("notice", "saved"), session.take("notice")),
        (session) => session.take("notice")
      )
      expect([first, second]).toEqual([Option.some("saved"), Option.none()])
    })
  )

  it.effect("that may be used once: of twenty requests at once one gets it", () =>
    Effect.gen(function* () {
      const headers = yield* signIn(Account, (session) => session.set("notice", "4711"))
      const id = SessionStore.sessionId(headers["cookie"]!.split("=")[1]!)
      const sessions = yield* Effect.replicateEffect(SessionManager.open(Account, id), 20)
      yield* Effect.forEach(sessions, (session) => session.get("notice"))
      const got = yield* Effect.forEach(sessions, (session) => session.takeAndSave("notice"), {
        concurrency: "unbounded"
      })
      expect(got.filter(Option.isSome)).toEqual([Option.some("4711")])
      expect(yield* (yield* SessionManager.open(Account, id)).get("notice")).toEqual(Option.none())
    }).pipe(Effect.provide(managerLayer()))
  )
})

describe("flush", () => {
  it.effect("empties this store and no other", () =>
    Effect.gen(function* () {
      class Other extends SessionStore.Tag<Other>()("Other", { userId: Schema.String }) {}
      const headers = yield* signIn(Account, (session) => session.set("userId", "ada"))
      const id = SessionStore.sessionId(headers["cookie"]!.split("=")[1]!)
      const other = yield* SessionManager.open(Other, id)
      yield* other.set("userId", "other")
      yield* other.save
      const account = yield* SessionManager.open(Account, id)
      yield* account.flush
      yield* account.save
      expect(yield* (yield* SessionManager.open(Account, id)).get("userId")).toEqual(Option.none())
      expect(yield* (yield* SessionManager.open(Other, id)).get("userId")).toEqual(Option.some("other"))
    }).pipe(Effect.provide(managerLayer()))
  )
})

describe("another version of the app", () => {
  class Old extends SessionStore.Tag<Old>()("Prefs", {
    theme: Schema.String,
    size: Schema.String,
    extra: Schema.String
  }) {}
  class New extends SessionStore.Tag<New>()("Prefs", {
    theme: SessionStore.field(Schema.Literals(["light", "dark"]), {
      default: () => "light",
      migrate: (stored) => (stored === "night" ? "dark" : stored)
    }),
    size: Schema.Int
  }) {}

  const upgraded = Effect.gen(function* () {
    const headers = yield* signIn(Old, (session) =>
      Effect.all([session.set("theme", "night"), session.set("size", "huge"), session.set("extra", "kept")])
    )
    const id = SessionStore.sessionId(headers["cookie"]!.split("=")[1]!)
    return { id, session: yield* SessionManager.open(New, id) }
  })

  it.effect("migrate turns old values into new ones; others are dropped, and reported; no request fails", () =>
    Effect.gen(function* () {
      const { session } = yield* upgraded
      expect(yield* session.get("theme")).toBe("dark")
      expect(yield* session.get("size")).toEqual(Option.none())
    }).pipe(Effect.provide(managerLayer()))
  )

  it.effect("fields that this version does not know are kept", () =>
    Effect.gen(function* () {
      const { id, session } = yield* upgraded
      yield* session.set("size", 3)
      yield* session.save
      expect(yield* (yield* SessionManager.open(Old, id)).get("extra")).toEqual(Option.some("kept"))
    }).pipe(Effect.provide(managerLayer()))
  )
})

describe("open", () => {
  it.effect("fails for an id of no session, whatever it looks like", () =>
    Effect.gen(function* () {
      for (const id of ["", "../x", "A".repeat(43), "A".repeat(10_000)]) {
        const result = yield* Effect.result(SessionManager.open(Account, SessionStore.sessionId(id)))
        expect(Result.isFailure(result) && errorOf(result).reason).toBe("NotFound")
      }
    }).pipe(Effect.provide(managerLayer()))
  )

  it.effect("an id does not show when it is printed", () =>
    Effect.gen(function* () {
      const headers = yield* signIn(Account, (session) => session.set("userId", "ada"))
      const raw = headers["cookie"]!.split("=")[1]!
      const session = yield* SessionManager.open(Account, SessionStore.sessionId(raw))
      const id = yield* session.id
      expect(Redacted.value(id)).toBe(raw)
      expect(`${String(id)} ${JSON.stringify(id)}`).not.toContain(raw)
    }).pipe(Effect.provide(managerLayer()))
  )
})

describe("the log of changes, against a model", () => {
  type Change =
    | { readonly type: "set"; readonly key: "visits" | "userId"; readonly value: number }
    | { readonly type: "delete"; readonly key: "visits" | "userId" }
    | { readonly type: "add"; readonly value: number }
    | { readonly type: "flush" }
    | { readonly type: "save" }

  const key = FastCheck.constantFrom("visits" as const, "userId" as const)
  const value = FastCheck.nat(1000)
  const change: FastCheck.Arbitrary<Change> = FastCheck.oneof(
    FastCheck.record({ type: FastCheck.constant("set" as const), key, value }),
    FastCheck.record({ type: FastCheck.constant("delete" as const), key }),
    FastCheck.record({ type: FastCheck.constant("add" as const), value }),
    FastCheck.record({ type: FastCheck.constant("flush" as const) }),
    FastCheck.record({ type: FastCheck.constant("save" as const) })
  )

  interface Model {
    visits: number
    userId: string | undefined
  }

  const applyTo = (model: Model, change: Change): void => {
    switch (change.type) {
      case "set":
        if (change.key === "visits") model.visits = change.value
        else model.userId = String(change.value)
        break
      case "delete":
        if (change.key === "visits") model.visits = 0
        else model.userId = undefined
        break
      case "add":
        model.visits += change.value
        break
      case "flush":
        model.visits = 0
        model.userId = undefined
    }
  }

  const applyToSession = (session: AccountSession, change: Change): Effect.Effect<unknown, SessionError> => {
    switch (change.type) {
      case "set":
        return change.key === "visits"
          ? session.set("visits", change.value)
          : session.set("userId", String(change.value))
      case "delete":
        return session.delete(change.key)
      case "add":
        return session.update("visits", (n) => n + change.value)
      case "flush":
        return session.flush
      default:
        return session.save
    }
  }

  const check = (session: AccountSession, model: Model) =>
    Effect.gen(function* () {
      expect(yield* session.get("visits")).toBe(model.visits)
      expect(Option.getOrUndefined(yield* session.get("userId"))).toBe(model.userId)
    })

  it.effect("one request sees its own changes, and what it saves is what it saw", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(FastCheck.array(change, { maxLength: 20 }), (changes) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const model: Model = { visits: 0, userId: "ada" }
              yield* twice(
                (session) =>
                  Effect.forEach(changes, (change) => {
                    applyTo(model, change)
                    return Effect.andThen(applyToSession(session, change), check(session, model))
                  }),
                (session) => check(session, model)
              )
            })
          )
        )
      )
    )
  )

  it.effect("two requests that interleave end as if the one that saved last had come last", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.array(change, { maxLength: 10 }),
          FastCheck.array(change, { maxLength: 10 }),
          (one, two) =>
            Effect.runPromise(
              Effect.gen(function* () {
                const changes = (list: ReadonlyArray<Change>) => list.filter(({ type }) => type !== "save")
                const headers = yield* signIn(Account, (session) => session.set("userId", "ada"))
                const id = SessionStore.sessionId(headers["cookie"]!.split("=")[1]!)
                const first = yield* SessionManager.open(Account, id)
                const second = yield* SessionManager.open(Account, id)
                const model: Model = { visits: 0, userId: "ada" }
                yield* Effect.forEach(changes(one), (change) => applyToSession(first, change))
                yield* Effect.forEach(changes(two), (change) => applyToSession(second, change))
                yield* first.save
                yield* second.save
                for (const change of [...changes(one), ...changes(two)]) {
                  applyTo(model, change)
                }
                yield* check(yield* SessionManager.open(Account, id), model)
              }).pipe(Effect.provide(managerLayer()))
            )
        )
      )
    )
  )
})
