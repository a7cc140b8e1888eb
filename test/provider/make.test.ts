// What a provider is made of: operations that fail with anything, behind one edge.
import { SessionError, SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { describe, expect, it } from "#test/vitest"

const day = Duration.days(1)
const id = "SECRET-id" as SessionProvider.StoredId
const revision = "SECRET-revision" as SessionProvider.Revision
const payload = Buffer.from("SECRET-payload")
const move = { oldId: id, newId: id, payload, ttl: day, revision }

/** A backend whose every operation fails with the same. */
const failing = (effect: Effect.Effect<never, unknown>): SessionProvider.Provider =>
  SessionProvider.make({
    name: "mine",
    capabilities: SessionProvider.defaultCapabilities,
    read: () => effect,
    create: () => effect,
    write: () => effect,
    touch: () => effect,
    exists: () => effect,
    destroy: () => effect,
    regenerate: () => effect,
    marked: () => effect,
    count: effect,
    list: Stream.fromEffect(effect),
    gc: effect
  })

const attempts = (provider: SessionProvider.Provider): Record<string, Effect.Effect<unknown, SessionError>> => ({
  read: provider.read(id),
  create: provider.create(id, payload, day),
  write: provider.write(id, payload, day, revision),
  touch: provider.touch(id, day),
  exists: provider.exists(id),
  destroy: provider.destroy(id),
  regenerate: provider.regenerate(move),
  marked: provider.marked!(id),
  count: provider.count!,
  list: Stream.runDrain(provider.list!),
  gc: provider.gc!
})

const refused = Object.assign(new Error("SECRET-id: refused"), { code: "ECONNREFUSED" })

describe("SessionProvider.make", () => {
  it.effect("every operation tells backend, operation and code, and no id or value", () =>
    Effect.gen(function* () {
      const ways = [
        Effect.fail(refused),
        Effect.tryPromise(() => Promise.reject(refused)),
        Effect.tryPromise({ try: () => Promise.reject(refused), catch: (cause) => cause })
      ]
      for (const way of ways) {
        for (const [operation, attempt] of Object.entries(attempts(failing(way)))) {
          const { message, reason } = yield* Effect.flip(attempt)
          expect([reason, message]).toEqual([
            "Unavailable",
            `mine: ${operation} failed (ECONNREFUSED): check that the backend is up and reachable`
          ])
        }
      }
    })
  )

  it.effect("shows no string, which a driver may have made of an id", () =>
    Effect.gen(function* () {
      const ways = [
        Effect.fail("SECRET-id"),
        Effect.tryPromise(() => Promise.reject("SECRET-id")),
        Effect.tryPromise({ try: () => Promise.reject("SECRET-id"), catch: (cause) => cause }),
        Effect.fail(SessionProvider.unavailable("mine", "read", "SECRET-id"))
      ]
      for (const way of ways) {
        expect((yield* Effect.flip(failing(way).read(id))).message).toBe("mine: read failed (unknown error)")
      }
    })
  )

  it.effect("advises to look at the backend only where it was not reached, also if the driver wrapped the reason", () =>
    Effect.gen(function* () {
      const coded = (code: string) => Object.assign(new Error("SECRET-id"), { code })
      const messageOf = (cause: unknown) =>
        Effect.map(Effect.flip(failing(Effect.fail(cause)).read(id)), (e) => e.message)
      const unreached = [
        [coded("ETIMEDOUT"), "ETIMEDOUT"],
        [coded("ENOTFOUND"), "ENOTFOUND"],
        [new TypeError("fetch failed", { cause: coded("EHOSTUNREACH") }), "EHOSTUNREACH"],
        [new DOMException("SECRET-id", "TimeoutError"), "TimeoutError"]
      ] as const
      for (const [cause, words] of unreached) {
        expect(yield* messageOf(cause)).toBe(`mine: read failed (${words}): check that the backend is up and reachable`)
      }
      for (const code of ["EACCES", "ENOSPC", "23505"]) {
        expect(yield* messageOf(coded(code))).toBe(`mine: read failed (${code})`)
      }
      expect(yield* messageOf(new RangeError("SECRET-id"))).toBe("mine: read failed (RangeError)")
    })
  )

  it.effect("a SessionError stays as it is", () =>
    Effect.gen(function* () {
      const error = new SessionError({ reason: "Unsupported", message: "mine: no such thing" })
      for (const attempt of Object.values(attempts(failing(Effect.fail(error))))) {
        expect(yield* Effect.flip(attempt)).toBe(error)
      }
    })
  )

  it.effect("a defect stays one", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(failing(Effect.die("broken")).read(id))
      expect(exit).toEqual(yield* Effect.exit(Effect.die("broken")))
    })
  )

  it.effect("refuses a payload over the limit before the backend is asked, and takes one of just that size", () =>
    Effect.gen(function* () {
      const memory = Memory.make()
      let calls = 0
      const provider = SessionProvider.make({
        ...memory,
        name: "mine",
        capabilities: { ...memory.capabilities, maxPayload: payload.length },
        create: (...args) => {
          calls++
          return memory.create(...args)
        }
      })
      const larger = Buffer.concat([payload, payload])
      const errors = yield* Effect.all(
        [
          provider.create(id, larger, day),
          provider.write(id, larger, day, revision),
          provider.regenerate({ ...move, payload: larger })
        ].map((attempt) => Effect.flip<unknown, SessionError, never>(attempt))
      )
      expect(new Set(errors.map(({ message, reason }) => `${reason} ${message}`))).toEqual(
        new Set([
          `TooLarge mine: the session is 28 bytes, the limit is 14: keep less in it, such as ids instead of records`
        ])
      )
      expect(calls).toBe(0)
      expect((yield* provider.create(id, payload, day))._tag).toBe("Written")
      expect(calls).toBe(1)
      expect(Option.isSome(yield* provider.read(id))).toBe(true)
    })
  )

  it("leaves out what the backend leaves out", () => {
    const { count, gc, list, marked } = SessionProvider.make({
      ...Memory.make(),
      count: undefined,
      gc: undefined,
      list: undefined,
      marked: undefined
    })
    expect([count, gc, list, marked]).toEqual([undefined, undefined, undefined, undefined])
  })
})
