// beego's Redis layouts on real servers: conformance, and the keys as beego has them.
import { readFileSync } from "node:fs"
import { SessionProvider } from "effect-session"
import { Redis } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { expect, it } from "#test/vitest"
import * as BeegoRedis from "../../src/beego/layouts/redis.js"
import { conforms } from "../provider/conforms.js"
import { shared } from "../provider/shared.js"
import { suiteBeside } from "../servers/need.js"
import * as Servers from "../servers/Redis.js"

const comparing = { consistency: "compareContent", regenerate: "ordered" } as const

const recorded: Record<string, { readonly hex: string; readonly ttlSec: number }> = JSON.parse(
  readFileSync(new URL("../data/beego/backend_vectors.json", import.meta.url), "utf8")
).results.find((result: { readonly provider: string }) => result.provider === "redis")

suiteBeside("beego's redis", ["redis-server"], () => {
  const server = shared(Servers.single())
  conforms(
    Effect.map(server, ({ url }) => BeegoRedis.layer({ kind: "redis", url })),
    { ...comparing, answersWithin: 4000 },
    false,
    false
  )

  const both = Effect.flatMap(server, ({ url }) =>
    Effect.all({
      provider: Effect.map(Layer.build(BeegoRedis.layer({ kind: "redis", url })), (context) =>
        Layer.succeedContext(context)
      ).pipe(Effect.flatMap((layer) => Effect.provide(SessionProvider.SessionProvider, layer))),
      redis: Effect.acquireRelease(
        Effect.sync(() => new Redis(url)),
        (redis) => Effect.sync(() => redis.disconnect())
      )
    })
  )

  it.live("a session is under its id, in the very bytes, for the whole lifetime, as beego leaves it", () =>
    Effect.gen(function* () {
      const { provider, redis } = yield* both
      const { hex, ttlSec } = recorded["06_raw_after_release"]!
      const id = "a".repeat(32) as SessionProvider.StoredId
      const written = yield* provider.create(id, Buffer.from(hex, "hex"), Duration.seconds(ttlSec))
      expect(written._tag).toBe("Written")
      expect((yield* Effect.promise(() => redis.getBuffer(id)))?.toString("hex")).toBe(hex)
      expect(yield* Effect.promise(() => redis.ttl(id))).toBe(ttlSec)
    }).pipe(Effect.scoped)
  )

  it.live("what beego writes is read, and a write that has not seen it is refused", () =>
    Effect.gen(function* () {
      const { provider, redis } = yield* both
      const id = "b".repeat(32) as SessionProvider.StoredId
      yield* Effect.promise(() => redis.set(id, "first", "EX", 100))
      const read = Option.getOrThrow(yield* provider.read(id))
      expect(read.payload.toString()).toBe("first")
      expect(read.expiresAt - Date.now()).toBeGreaterThan(98_000)
      yield* Effect.promise(() => redis.set(id, "second", "EX", 100))
      expect((yield* provider.write(id, Buffer.from("mine"), Duration.minutes(1), read.revision))._tag).toBe("Conflict")
      expect(yield* Effect.promise(() => redis.get(id))).toBe("second")
    }).pipe(Effect.scoped)
  )

  it.live("a key of the app's that is no string is no session, and stays", () =>
    Effect.gen(function* () {
      const { provider, redis } = yield* both
      const id = "c".repeat(32) as SessionProvider.StoredId
      yield* Effect.promise(() => redis.rpush(id, "the app's"))
      expect(Option.isNone(yield* provider.read(id))).toBe(true)
      expect((yield* provider.create(id, Buffer.from("mine"), Duration.minutes(1)))._tag).toBe("Exists")
      yield* provider.destroy(id)
      expect(yield* Effect.promise(() => redis.lrange(id, 0, -1))).toEqual(["the app's"])
    }).pipe(Effect.scoped)
  )
})

suiteBeside("beego's redis_cluster", ["redis-server", "redis-cli"], () => {
  conforms(
    Effect.map(shared(Servers.cluster()), ({ url }) => BeegoRedis.layer({ kind: "redisCluster", url })),
    comparing,
    false,
    false
  )
})

suiteBeside("beego's redis_sentinel", ["redis-server"], () => {
  conforms(
    Effect.map(shared(Servers.sentinel()), ({ masterName, url }) =>
      BeegoRedis.layer({ kind: "redisSentinel", url, masterName })
    ),
    { ...comparing, answersWithin: 4000 },
    false,
    false
  )
})
