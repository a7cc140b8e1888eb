/**
 * Redis and its family when the server fails.
 */

import type { SessionProvider } from "effect-session"
import * as Ledis from "effect-session/ledis"
import * as Redis from "effect-session/redis"
import * as Ssdb from "effect-session/ssdb"
import { Redis as IORedis } from "ioredis"
import { errorOf } from "#dialect/result"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import { expect, it } from "#test/vitest"
import * as LedisServer from "../servers/Ledis.js"
import { suiteBeside } from "../servers/need.js"
import * as Servers from "../servers/Redis.js"
import * as SsdbServer from "../servers/Ssdb.js"
import { shared } from "./shared.js"
import { failsInTime, silently, survives } from "./survives.js"

const ttl = Duration.minutes(5)
const id = "id".padEnd(43, "0") as SessionProvider.StoredId

/** A client of the test's own, for what an administrator does. */
const admin = (url: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new IORedis(url)),
    (client) => Effect.sync(() => client.disconnect())
  )

suiteBeside("redis", ["redis-server"], () => {
  const server = shared(Servers.single())
  survives(server, ({ url }) => Redis.make({ url }))

  it.live("read-only: writes fail with READONLY, reads go on, and it works again", () =>
    silently(
      Effect.gen(function* () {
        const { url } = yield* server
        const provider = yield* Redis.make({ url })
        const redis = yield* admin(url)
        yield* provider.destroy(id)
        yield* provider.create(id, Buffer.from("kept"), ttl)
        yield* Effect.promise(() => redis.replicaof("127.0.0.1", 1))
        expect(yield* failsInTime(provider.touch(id, ttl))).toContain("READONLY")
        expect(Option.isSome(yield* provider.read(id))).toBe(true)
        yield* Effect.promise(() => redis.replicaof("NO", "ONE"))
        expect((yield* provider.touch(id, ttl))._tag).toBe("Touched")
      }).pipe(Effect.scoped)
    )
  )

  it.live("forgets no script: a server that lost them gets them again", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const provider = yield* Redis.make({ url })
      const redis = yield* admin(url)
      yield* provider.destroy(id)
      yield* provider.create(id, Buffer.from("kept"), ttl)
      yield* Effect.promise(() => redis.script("FLUSH"))
      const touches = Array.from({ length: 50 }, () => provider.touch(id, ttl))
      const results = yield* Effect.all(touches, { concurrency: "unbounded" })
      expect(new Set(results.map(({ _tag }) => _tag))).toEqual(new Set(["Touched"]))
    }).pipe(Effect.scoped)
  )

  it.live("uses a client that the app has, and leaves it open", () =>
    Effect.gen(function* () {
      const client = yield* admin((yield* server).url)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const provider = yield* Redis.make({ client, prefix: "own:" })
          yield* provider.create(id, Buffer.from("kept"), ttl)
          expect(yield* provider.count!).toBe(1)
          yield* provider.destroy(id)
        })
      )
      expect(yield* Effect.promise(() => client.ping())).toBe("PONG")
    }).pipe(Effect.scoped)
  )

  it.live("shows nothing that a client of the app's own makes of an id, if it rejects with text", () =>
    Effect.gen(function* () {
      const client = yield* admin((yield* server).url)
      client.getBuffer = (key) => Promise.reject(`no answer for ${String(key)}`)
      const provider = yield* Redis.make({ client })
      const { message } = yield* Effect.flip(provider.read(id))
      expect(message).toBe("redis: read failed (no connection): check that the backend is up and reachable")
    }).pipe(Effect.scoped)
  )

  it.live("says what is wrong with its options, and does not repeat a password", () =>
    Effect.gen(function* () {
      for (const options of [{ url: "http://secret@host" }, { url: "redis://:secret@" }, { minReplicas: -1 }]) {
        const error = yield* Effect.flip(Effect.scoped(Redis.make({ url: (yield* server).url, ...options })))
        expect(error.reason).toBe("InvalidConfig")
        expect(error.message).not.toContain("secret")
      }
    })
  )
})

suiteBeside("redis behind a password", ["redis-server"], () => {
  const server = shared(Servers.single({ password: "right" }))
  it.live("does not build without it, nor with another, and names neither", () =>
    silently(
      Effect.gen(function* () {
        const { url } = yield* server
        const none = yield* failsInTime(Effect.scoped(Redis.make({ url: url.replace(":right@", "") })))
        expect(none).toContain("NOAUTH")
        const wrong = yield* failsInTime(Effect.scoped(Redis.make({ url: url.replace("right", "wrong") })))
        expect(wrong).toMatch(/WRONGPASS|NOAUTH/)
        expect(wrong).not.toContain("wrong")
      })
    )
  )
})

suiteBeside("redis with its memory full", ["redis-server"], () => {
  const full = (policy: string) =>
    shared(Servers.single({ args: ["--maxmemory", "4mb", "--maxmemory-policy", policy] }))
  const refusing = full("noeviction")
  const evicting = full("allkeys-lru")
  const payload = Buffer.alloc(64 * 1024, 7)
  const ids = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(43, "0") as SessionProvider.StoredId)

  it.live("noeviction: writes fail with OOM; reads, renewals and logouts go on; then there is room again", () =>
    silently(
      Effect.gen(function* () {
        const provider = yield* Redis.make({ url: (yield* refusing).url })
        const created = yield* Effect.forEach(ids, (id) => Effect.result(provider.create(id, payload, ttl)))
        const failed = created.flatMap((result) => (Result.isFailure(result) ? [errorOf(result)] : []))
        expect(failed.length).toBeGreaterThan(0)
        expect(failed[0]!.message).toContain("OOM")
        const stored = Option.getOrThrow(yield* provider.read(ids[0]!))
        expect((yield* provider.touch(ids[0]!, ttl))._tag).toBe("Touched")
        expect(
          yield* failsInTime(
            provider.regenerate({ oldId: ids[0]!, newId: id, payload, ttl, revision: stored.revision })
          )
        ).toContain("OOM")
        expect(Option.isSome(yield* provider.read(ids[0]!))).toBe(true)
        const mark = { content: Buffer.alloc(256, 7), ttl }
        yield* Effect.forEach(ids.slice(1, 20), (id) => provider.destroy(id, mark))
        expect(Option.isNone(yield* provider.read(ids[1]!))).toBe(true)
        expect(Option.isSome(yield* provider.marked!(ids[1]!))).toBe(true)
        expect((yield* provider.write(ids[0]!, payload, ttl, stored.revision))._tag).toBe("Written")
      }).pipe(Effect.scoped)
    )
  )

  it.live("allkeys-lru: an evicted session is gone, and no error", () =>
    Effect.gen(function* () {
      const provider = yield* Redis.make({ url: (yield* evicting).url })
      yield* Effect.forEach(ids, (id) => provider.create(id, payload, ttl))
      const found = yield* Effect.forEach(ids, (id) => provider.read(id))
      expect(found.some(Option.isNone)).toBe(true)
      expect(found.some(Option.isSome)).toBe(true)
    }).pipe(Effect.scoped)
  )
})

suiteBeside("redisCluster", ["redis-server", "redis-cli"], () => {
  survives(shared(Servers.cluster()), ({ url }) => Redis.makeCluster({ url }))
})

suiteBeside("redisSentinel", ["redis-server"], () => {
  survives(shared(Servers.sentinel()), ({ masterName, url }) => Redis.makeSentinel({ url, masterName }))
})

suiteBeside("ledis", ["ledis-server"], () => {
  survives(shared(LedisServer.make()), ({ url }) => Ledis.make({ url }))
})

suiteBeside("ssdb", [], () => {
  survives(shared(SsdbServer.make()), ({ url }) => Ssdb.make({ url }))
})
