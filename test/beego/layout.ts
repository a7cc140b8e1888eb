// What the layouts of servers that speak Redis' protocol are held to alike: the bytes and lifetimes that beego leaves.
import { type SessionError, SessionProvider } from "effect-session"
import { Redis } from "ioredis"
import * as Context from "#effect/Context"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { expect, it } from "#test/vitest"
import { resp2 } from "../servers/Redis.js"

/** `{"username":"astaxie"}`, as beego leaves it in each of these (backend_vectors.json, "06_raw_after_release"). */
export const recorded = Buffer.from(
  "0eff81040102ff820001100110000029ff82000106737472696e670c0a0008757365726e616d6506737472696e670c09000761737461786965",
  "hex"
)

const id = (letter: string) => letter.repeat(32) as SessionProvider.StoredId

/** `SETEX`, `GET` and `TTL` do here what beego's own clients do. */
export const asBeego = (
  layer: Effect.Effect<Layer.Layer<SessionProvider.SessionProvider, SessionError>>,
  server: Effect.Effect<{ readonly url: string }>
): void => {
  const both = Effect.all({
    provider: Effect.map(Effect.flatMap(layer, Layer.build), Context.get(SessionProvider.SessionProvider)),
    redis: Effect.flatMap(server, ({ url }) =>
      Effect.acquireRelease(
        // The types of ioredis 5, which does not know `protocol`, want an option that it knows.
        Effect.sync(() => new Redis(url.includes("://") ? url : `redis://${url}`, { lazyConnect: false, ...resp2 })),
        (redis) => Effect.sync(() => redis.disconnect())
      )
    )
  })

  it.live("a session is under its id, in the very bytes, for the whole lifetime, and nothing is left beside it", () =>
    Effect.gen(function* () {
      const { provider, redis } = yield* both
      const written = yield* provider.create(id("a"), recorded, Duration.seconds(3600))
      expect(written._tag).toBe("Written")
      expect(yield* Effect.promise(() => redis.getBuffer(id("a")))).toEqual(recorded)
      expect(yield* Effect.promise(() => redis.ttl(id("a")))).toBeGreaterThanOrEqual(3599)
      const read = Option.getOrThrow(yield* provider.read(id("a")))
      yield* provider.write(id("a"), Buffer.from("next"), Duration.seconds(60), read.revision)
      expect(yield* Effect.promise(() => redis.get(id("a")))).toBe("next")
      expect(yield* Effect.promise(() => redis.ttl(id("a")))).toBeLessThanOrEqual(61)
      yield* provider.destroy(id("a"))
      expect(yield* Effect.promise(() => redis.get(id("a")))).toBeNull()
      expect(yield* Effect.promise(() => redis.get(`lock:${id("a")}`))).toBeNull()
    })
  )

  it.live("what beego writes is read, and a write that has not seen it is refused", () =>
    Effect.gen(function* () {
      const { provider, redis } = yield* both
      yield* Effect.promise(() => redis.setex(id("b"), 100, recorded))
      const read = Option.getOrThrow(yield* provider.read(id("b")))
      expect(Buffer.from(read.payload)).toEqual(recorded)
      expect(read.expiresAt - Date.now()).toBeGreaterThan(98_000)
      yield* Effect.promise(() => redis.setex(id("b"), 100, "second"))
      const mine = provider.write(id("b"), Buffer.from("mine"), Duration.minutes(1), read.revision)
      expect((yield* mine)._tag).toBe("Conflict")
      expect(yield* Effect.promise(() => redis.get(id("b")))).toBe("second")
      yield* Effect.promise(() => redis.del(id("b")))
      expect((yield* mine)._tag).toBe("Gone")
      expect(yield* Effect.promise(() => redis.get(id("b")))).toBeNull()
    })
  )

  it.live("an empty session of beego's is one, and a session that never ends as well", () =>
    Effect.gen(function* () {
      const { provider, redis } = yield* both
      yield* Effect.promise(() => redis.setex(id("c"), 100, ""))
      expect(Option.map(yield* provider.read(id("c")), ({ payload }) => payload.length)).toEqual(Option.some(0))
      yield* Effect.promise(() => redis.set(id("d"), "for ever"))
      expect(Option.isSome(yield* provider.read(id("d")))).toBe(true)
      yield* provider.touch(id("d"), Duration.minutes(1))
      expect(yield* Effect.promise(() => redis.ttl(id("d")))).toBeGreaterThan(50)
    })
  )
}
