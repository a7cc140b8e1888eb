// The stand-in for SSDB has the real server's traps: each line here was measured on SSDB 1.9.8.
import { setTimeout as sleep } from "node:timers/promises"
import { Redis } from "ioredis"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Scope from "#effect/Scope"
import * as Ssdb from "./Ssdb.js"

describe("the SSDB stand-in", () => {
  const scope = Effect.runSync(Scope.make())
  let url: string
  let redis: Redis
  const call = (command: string, ...args: Array<string | number | Buffer>) => redis.call(command, args)

  beforeAll(async () => {
    url = `redis://${(await Effect.runPromise(Scope.provide(Ssdb.make(), scope))).url}`
    redis = new Redis(url)
  })
  afterAll(async () => {
    redis.disconnect()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  })

  it("ignores the lifetime that comes with SET", async () => {
    expect(await redis.set("set-ex", "value", "EX", 1)).toBe("OK")
    expect(await redis.ttl("set-ex")).toBe(-1)
    await sleep(1300)
    expect(await redis.get("set-ex")).toBe("value")
    expect(await redis.set("set-ex", "other", "NX")).toBe("OK")
    expect(await redis.get("set-ex")).toBe("other")
  })

  it("expires what SETEX stores, by whole seconds, a moment late", async () => {
    expect(await redis.setex("setex", 1, "value")).toBe("OK")
    expect(await redis.ttl("setex")).toBe(1)
    await sleep(700)
    expect(await redis.get("setex")).toBe("value")
    await sleep(600)
    expect(await redis.get("setex")).toBe(null)
    await expect(call("setex", "setex", "0.5", "value")).rejects.toThrow("ERR")
    await redis.setex("long", 60 * 86_400, "value")
    expect(await redis.ttl("long")).toBe(60 * 86_400)
  })

  it("keeps the lifetime through SET and GETSET", async () => {
    await redis.setex("kept", 100, "first")
    await redis.set("kept", "second")
    expect(await redis.ttl("kept")).toBe(100)
    expect(await redis.getset("kept", "third")).toBe("second")
    expect(await redis.ttl("kept")).toBe(100)
    await redis.del("kept")
    await redis.set("kept", "again")
    expect(await redis.ttl("kept")).toBe(-1)
  })

  it("counts a missing key as deleted, and has no lifetime for it", async () => {
    expect(await redis.del("missing")).toBe(1)
    expect(await redis.expire("missing", 10)).toBe(0)
    expect(await redis.ttl("missing")).toBe(-1)
    expect(await redis.exists("missing")).toBe(0)
  })

  it("has atomic single writes", async () => {
    expect([await redis.setnx("once", "a"), await redis.setnx("once", "b")]).toEqual([1, 0])
    expect(await redis.expire("once", 10)).toBe(1)
    expect([await redis.incr("count"), await redis.incr("count")]).toEqual([1, 2])
    expect(await redis.mget("once", "missing", "count")).toEqual(["a", null, "2"])
    expect(await redis.getrange("once", 0, 0)).toBe("a")
    expect(await redis.exists("once")).toBe(1)
  })

  it("has neither scripts nor transactions nor databases", async () => {
    for (const command of ["eval", "evalsha", "script", "multi", "watch", "rename", "scan", "select", "psetex"]) {
      await expect(call(command, "a", "b", "c")).rejects.toThrow(`ERR Unknown Command: ${command}`)
    }
  })

  it("lists keys as a range", async () => {
    await call("set", "range:a", "1")
    await call("set", "range:b", "2")
    await call("set", "range:c", "3")
    expect(await call("keys", "range:", "range:~", 10)).toEqual(["range:a", "range:b", "range:c"])
    expect(await call("keys", "range:a", "range:b", 10)).toEqual(["range:b"])
    expect(await call("keys", "range:", "range:~", 1)).toEqual(["range:a"])
  })

  it("has sorted sets and hashes", async () => {
    expect(await redis.zadd("sorted", 3, "c", 1, "a", 2, "b")).toBe(3)
    expect(await redis.zadd("sorted", 4, "c")).toBe(0)
    expect(await redis.zrangebyscore("sorted", "-inf", 2)).toEqual(["a", "b"])
    expect(await redis.zrangebyscore("sorted", "-inf", "+inf", "WITHSCORES", "LIMIT", 1, 2)).toEqual([
      "b",
      "2",
      "c",
      "4"
    ])
    expect(await redis.zcount("sorted", 2, 4)).toBe(2)
    expect(await redis.zrem("sorted", "a", "missing")).toBe(1)
    expect(await redis.zcard("sorted")).toBe(2)
    expect(await redis.hset("hash", "field", "value")).toBe(1)
    expect(await redis.hgetall("hash")).toEqual({ field: "value" })
  })

  it("takes any password, as it has none", async () => {
    expect(await call("auth", "anything")).toBe("OK")
  })

  it("breaks the connection's protocol on DUMP", async () => {
    const other = new Redis(url, { retryStrategy: () => null })
    other.on("error", () => {})
    await other.set("dumped", "value")
    await expect(other.call("dump", ["dumped"])).rejects.toThrow()
    other.disconnect()
  })

  it("keeps all bytes, empty values, odd names, large values and long pipelines", async () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
    await redis.set("all", all)
    expect(await redis.getBuffer("all")).toEqual(all)
    await redis.set("a key\nof\0two lines", "")
    expect(await redis.get("a key\nof\0two lines")).toBe("")
    const large = Buffer.alloc(8 * 1024 * 1024, 7)
    await redis.set("large", large)
    expect((await redis.getBuffer("large"))!.equals(large)).toBe(true)
    const pipeline = redis.pipeline()
    for (let index = 0; index < 500; index++) pipeline.setex(`many:${index}`, 10, `${index}`)
    expect((await pipeline.exec())!.every(([error, reply]) => error === null && reply === "OK")).toBe(true)
  })
})
