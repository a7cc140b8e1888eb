/**
 * Connections that Redis and its family lose: an idle one that a proxy forgot, one that is closed again and again, one
 * whose reply is lost. They cost no call, and nothing is done twice.
 */
import { SessionProvider } from "effect-session"
import * as Ledis from "effect-session/ledis"
import * as Redis from "effect-session/redis"
import * as Ssdb from "effect-session/ssdb"
import { Redis as Client } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import type * as Scope from "#effect/Scope"
import { expect, it } from "#test/vitest"
import * as BeegoLedis from "../../src/beego/layouts/ledis.js"
import * as BeegoRedis from "../../src/beego/layouts/redis.js"
import * as BeegoSsdb from "../../src/beego/layouts/ssdb.js"
import { bytes, newId, written } from "../../src/testing/support.js"
import * as LedisServer from "../servers/Ledis.js"
import { suiteBeside } from "../servers/need.js"
import { ask } from "../servers/Process.js"
import * as Proxy from "../servers/Proxy.js"
import * as Servers from "../servers/Redis.js"
import * as SsdbServer from "../servers/Ssdb.js"
import { shared } from "./shared.js"

const ttl = Duration.minutes(5)

/** How often the server executed a script. */
const executed = (port: number) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Client({ port })),
    (client) =>
      Effect.promise(async () =>
        Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(await client.info("commandstats"))?.[1] ?? 0)
      ),
    (client) => Effect.sync(() => client.disconnect())
  )

const providerOf = (layer: Layer.Layer<SessionProvider.SessionProvider, unknown>) =>
  Effect.flatMap(Layer.build(layer), (context) =>
    Effect.provide(SessionProvider.SessionProvider, Layer.succeedContext(context))
  )

type Make = (url: string) => Layer.Layer<SessionProvider.SessionProvider, unknown>

/** An idle connection is forgotten: the first call on it is a change, which no server may see twice. */
const survivesIdleness = (name: string, server: Effect.Effect<{ readonly port: number }>, make: Make) => {
  const test = () =>
    Effect.gen(function* () {
      const proxy = yield* Proxy.make((yield* server).port)
      const provider = yield* providerOf(make(`redis://127.0.0.1:${proxy.port}`))
      const id = newId()
      const { revision } = written(yield* provider.create(id, bytes("0"), ttl))
      yield* Effect.sleep("1100 millis")
      proxy.forget()
      written(yield* provider.write(id, bytes("1"), ttl, revision))
      yield* Effect.sleep("1100 millis")
      proxy.forget()
      expect(Option.map(yield* provider.read(id), ({ payload }) => Buffer.from(payload).toString())).toEqual(
        Option.some("1")
      )
      expect(proxy.accepted()).toBe(3)
    }).pipe(Effect.scoped)
  it.live(`${name}: a connection that a proxy forgot while it was idle costs no call`, test, { concurrent: true })
}

/** A write whose reply is lost, and then another one before the first is sent again. */
const followed = (
  name: string,
  server: Effect.Effect<{ readonly port: number }>,
  make: (port: number) => Effect.Effect<SessionProvider.Provider, unknown, Scope.Scope>
) =>
  it.live(
    `${name}: a write whose reply is lost, and that another one followed, is no conflict, or it is made twice`,
    () =>
      Effect.gen(function* () {
        const { port } = yield* server
        const proxy = yield* Proxy.make(port)
        const [provider, other] = [yield* make(proxy.port), yield* make(port)]
        const id = newId()
        const created = written(yield* provider.create(id, bytes(""), ttl))
        // So that the server has the script.
        const { revision } = written(yield* provider.write(id, bytes("0"), ttl, created.revision))
        // The connection comes back only after the other one has written.
        proxy.lead(1)
        proxy.swallowReply(/evalsha|ifeq|setex/i)
        const writing = yield* Effect.forkChild(Effect.flip(provider.write(id, bytes("1"), ttl, revision)))
        const first = yield* Effect.repeat(Effect.map(other.read(id), Option.getOrThrow), {
          until: ({ payload }) => Buffer.from(payload).toString() === "1"
        })
        written(yield* other.write(id, bytes("2"), ttl, first.revision))
        proxy.lead(port)
        expect((yield* Fiber.join(writing)).message).toMatch(/write failed \(no connection\)/)
      }).pipe(Effect.scoped)
  )

/** The record of a person, of which the reply to each change is lost. */
const keepsPeople = (name: string, server: Effect.Effect<{ readonly port: number }>, make: Make, to: RegExp) =>
  it.live(`${name}: a change of a person's record whose reply is lost is made once`, () =>
    Effect.gen(function* () {
      const proxy = yield* Proxy.make((yield* server).port)
      const { principals } = yield* providerOf(make(`redis://127.0.0.1:${proxy.port}`))
      const { create, destroy, read, write } = principals!
      const id = newId()
      proxy.swallowReply(to)
      const { revision } = written(yield* create(id, bytes("0"), ttl))
      proxy.swallowReply(to)
      const next = written(yield* write(id, bytes("1"), ttl, revision))
      expect(Option.getOrThrow(yield* read(id)).revision).toBe(next.revision)
      proxy.swallowReply(to)
      yield* destroy(id)
      expect(Option.isNone(yield* read(id))).toBe(true)
    }).pipe(Effect.scoped)
  )

suiteBeside("redis, through a proxy", ["redis-server"], () => {
  const server = shared(Servers.single())
  keepsPeople("redis", server, (url) => Redis.layer({ url }), /evalsha/i)
  survivesIdleness("redis", server, (url) => Redis.layer({ url }))
  survivesIdleness("beego's redis", server, (url) => BeegoRedis.layer({ kind: "redis", url }))

  it.live("connections that are closed all the time cost no call", () =>
    Effect.gen(function* () {
      const proxy = yield* Proxy.make((yield* server).port)
      const provider = yield* Redis.make({ url: `redis://127.0.0.1:${proxy.port}` })
      const id = newId()
      let { revision } = written(yield* provider.create(id, bytes("0"), ttl))
      const until = Date.now() + 2000
      let calls = 0
      const closing = setInterval(proxy.close, 400)
      yield* Effect.ensuring(
        Effect.gen(function* () {
          while (Date.now() < until) {
            yield* Effect.all(
              Array.from({ length: 20 }, () => provider.read(id)),
              { concurrency: "unbounded" }
            )
            revision = written(yield* provider.write(id, bytes(`${++calls}`), ttl, revision)).revision
          }
        }),
        Effect.sync(() => clearInterval(closing))
      )
      expect(proxy.accepted()).toBeGreaterThan(3)
    }).pipe(Effect.scoped)
  )

  const swallowing = (make: Make) =>
    Effect.gen(function* () {
      const { port } = yield* server
      const proxy = yield* Proxy.make(port)
      const provider = yield* providerOf(make(`redis://127.0.0.1:${proxy.port}`))
      const id = newId()
      const { revision } = written(yield* provider.create(id, bytes("0"), ttl))
      // So that no script has to be sent a second time because the server does not have it.
      const next = written(yield* provider.write(id, bytes("1"), ttl, revision))
      const before = yield* executed(port)
      proxy.swallowReply(/evalsha/)
      return { id, provider, next, executions: Effect.map(executed(port), (now) => now - before) }
    })

  it.live("a write whose reply is lost is sent again, and counts once", () =>
    Effect.gen(function* () {
      const { executions, id, next, provider } = yield* swallowing((url) => Redis.layer({ url }))
      const { revision } = written(yield* provider.write(id, bytes("2"), ttl, next.revision))
      expect(yield* executions).toBe(2)
      expect(Option.getOrThrow(yield* provider.read(id)).revision).toBe(revision)
    }).pipe(Effect.scoped)
  )

  followed("redis", server, (port) => Redis.make({ url: `redis://127.0.0.1:${port}` }))

  it.live("a session that moved is not lost with the reply", () =>
    Effect.gen(function* () {
      const { executions, id, next, provider } = yield* swallowing((url) => Redis.layer({ url }))
      const newest = newId()
      written(
        yield* provider.regenerate({ oldId: id, newId: newest, payload: bytes("2"), ttl, revision: next.revision })
      )
      expect(yield* executions).toBeGreaterThanOrEqual(2)
      expect(Option.isSome(yield* provider.read(newest))).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.live("beego's layout: a write whose reply is lost is not sent again", () =>
    Effect.gen(function* () {
      const { executions, id, next, provider } = yield* swallowing((url) => BeegoRedis.layer({ kind: "redis", url }))
      const error = yield* Effect.flip(provider.write(id, bytes("2"), ttl, next.revision))
      expect(error.message).toBe("redis: write failed (no connection): check that the backend is up and reachable")
      expect(yield* executions).toBe(1)
      // It was made, and the next call finds a connection.
      expect(Buffer.from(Option.getOrThrow(yield* provider.read(id)).payload).toString()).toBe("2")
    }).pipe(Effect.scoped)
  )
})

suiteBeside("valkey, through a proxy", ["valkey-server"], () => {
  const server = shared(Servers.single({ program: "valkey-server" }))
  followed("valkey", server, (port) => Redis.make({ url: `redis://127.0.0.1:${port}` }))

  it.live("a write whose reply is lost is made once", () =>
    Effect.gen(function* () {
      const proxy = yield* Proxy.make((yield* server).port)
      const provider = yield* Redis.make({ url: `redis://127.0.0.1:${proxy.port}` })
      const id = newId()
      const { revision } = written(yield* provider.create(id, bytes("0"), ttl))
      proxy.swallowReply(/ifeq/i)
      const next = written(yield* provider.write(id, bytes("1"), ttl, revision))
      expect(Option.getOrThrow(yield* provider.read(id)).revision).toBe(next.revision)
    }).pipe(Effect.scoped)
  )
})

suiteBeside("redisCluster, whose connections are closed", ["redis-server", "redis-cli"], () => {
  const servers = shared(Servers.cluster())

  /** Closes all connections of clients, twice a second. */
  const closing = Effect.gen(function* () {
    const { nodes } = yield* servers
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        setInterval(() => {
          for (const { port } of nodes) ask(port, "CLIENT KILL TYPE normal", /:\d+/).catch(() => {})
        }, 500)
      ),
      (timer) => Effect.sync(() => clearInterval(timer))
    )
  })

  it.live("no call fails", () =>
    Effect.gen(function* () {
      const { url } = yield* servers
      const provider = yield* Redis.makeCluster({ url })
      const ids = Array.from({ length: 12 }, () => newId())
      for (const id of ids) yield* provider.create(id, bytes("0"), ttl)
      yield* closing
      const until = Date.now() + 2000
      const use = (id: SessionProvider.StoredId) =>
        Effect.gen(function* () {
          while (Date.now() < until) {
            const { revision } = Option.getOrThrow(yield* provider.read(id))
            written(yield* provider.write(id, bytes("1"), ttl, revision))
          }
        })
      yield* Effect.all(ids.map(use), { concurrency: "unbounded" })
    }).pipe(Effect.scoped)
  )

  it.live("an idle connection that is forgotten costs no call", () =>
    Effect.gen(function* () {
      const { nodes, url } = yield* servers
      const proxies = yield* Effect.forEach(nodes, ({ port }) => Proxy.make(port))
      const natMap = Object.fromEntries(
        nodes.map(({ port }, i) => [`127.0.0.1:${port}`, { host: "127.0.0.1", port: proxies[i]!.port }])
      )
      // A busy machine takes its time to connect again.
      const provider = yield* Redis.makeCluster({ url, timeout: "8 seconds", options: { natMap } })
      const ids = Array.from({ length: 12 }, () => newId())
      for (const id of ids) yield* provider.create(id, bytes("0"), ttl)
      yield* Effect.sleep("200 millis")
      for (const proxy of proxies) proxy.forget()
      const read = yield* Effect.all(ids.map(provider.read), { concurrency: "unbounded" })
      expect(read.every(Option.isSome)).toBe(true)
    }).pipe(Effect.scoped)
  )

  it.live("beego's layout: no write is made twice", () =>
    Effect.gen(function* () {
      const { nodes, url } = yield* servers
      const provider = yield* providerOf(BeegoRedis.layer({ kind: "redisCluster", url }))
      const sent = () =>
        Effect.map(
          Effect.forEach(nodes, ({ port }) => executed(port)),
          (counts) => counts.reduce((sum, count) => sum + count, 0)
        )
      const id = newId()
      let { revision } = written(yield* provider.create(id, bytes("0"), ttl))
      revision = written(yield* provider.write(id, bytes("1"), ttl, revision)).revision
      const before = yield* sent()
      // The node that has the session stops answering; its connection is then closed.
      const stopped = yield* Effect.forEach(nodes, ({ pause }) => pause)
      expect(stopped.length).toBe(nodes.length)
      const error = yield* Effect.flip(provider.write(id, bytes("2"), ttl, revision))
      expect(error.reason).toBe("Unavailable")
      yield* Effect.forEach(nodes, ({ resume }) => resume)
      yield* Effect.sleep("500 millis")
      expect((yield* sent()) - before).toBeLessThanOrEqual(1)
    }).pipe(Effect.scoped)
  )
})

suiteBeside("ledis, through a proxy", ["ledis-server"], () => {
  const server = shared(LedisServer.make())
  keepsPeople("ledis", server, (url) => Ledis.layer({ url }), /evalsha/i)
  survivesIdleness("ledis", server, (url) => Ledis.layer({ url }))
  survivesIdleness("beego's ledis", server, (url) => BeegoLedis.layer({ url }))
})

suiteBeside("ssdb, through a proxy", [], () => {
  const server = shared(SsdbServer.make())
  keepsPeople("ssdb", server, (url) => Ssdb.layer({ url }), /setex|del/i)
  survivesIdleness("ssdb", server, (url) => Ssdb.layer({ url }))
  followed("ssdb", server, (port) => Ssdb.make({ url: `127.0.0.1:${port}` }))
  survivesIdleness("beego's ssdb", server, (url) => BeegoSsdb.layer({ url }))

  for (const [what, to] of [
    ["its lock", /setnx/i],
    ["its first step", /setex/i],
    ["its commit", /mset|del/i]
  ] as const) {
    it.live(`ssdb: a change whose reply to ${what} is lost is made once`, () =>
      Effect.gen(function* () {
        const proxy = yield* Proxy.make((yield* server).port)
        const provider = yield* Ssdb.make({ url: `127.0.0.1:${proxy.port}` })
        const [id, newest] = [newId(), newId()]
        proxy.swallowReply(to)
        const { revision } = written(yield* provider.create(id, bytes("0"), ttl))
        proxy.swallowReply(to)
        const next = written(yield* provider.write(id, bytes("1"), ttl, revision))
        proxy.swallowReply(to)
        const mark = { content: bytes("m"), ttl }
        const moved = written(
          yield* provider.regenerate({
            oldId: id,
            newId: newest,
            payload: bytes("2"),
            ttl,
            revision: next.revision,
            mark
          })
        )
        expect(Option.getOrThrow(yield* provider.read(newest)).revision).toBe(moved.revision)
        expect(Option.isSome(yield* provider.marked!(id))).toBe(true)
        proxy.swallowReply(to)
        yield* provider.destroy(newest, mark)
        expect(yield* provider.exists(newest)).toBe(false)
        expect(Option.isSome(yield* provider.marked!(newest))).toBe(true)
      }).pipe(Effect.scoped)
    )
  }
})
