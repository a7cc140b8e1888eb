/**
 * The rights that docs/providers/redis.md says a user needs: with exactly these, all works.
 */
import { readFileSync } from "node:fs"
import { type SessionError, SessionProvider } from "effect-session"
import * as Redis from "effect-session/redis"
import { Redis as Client } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { expect, it } from "#test/vitest"
import * as BeegoRedis from "../../src/beego/layouts/redis.js"
import * as ExpressRedis from "../../src/express/layouts/redis.js"
import { bytes, newId, text, written } from "../../src/testing/support.js"
import { suite } from "../servers/need.js"
import * as Servers from "../servers/Redis.js"
import { machineTimed } from "../support/machineTime.js"
import { shared } from "./shared.js"

const ttl = Duration.minutes(5)

/** The page's commands, by what they give: all of them are for a user `sessions`, or `lookup` on sentinels. */
const [all, news, select, wait, inCluster, onSentinels, ...more] = [
  ...readFileSync(new URL("../../docs/providers/redis.md", import.meta.url), "utf8").matchAll(/^ACL (SETUSER .*)$/gm)
].map(([, command]) => command!.split(" "))

const administer = (url: string, ...commands: ReadonlyArray<ReadonlyArray<string>>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Client(url, { enableReadyCheck: false })),
    (client) =>
      Effect.promise(async () => {
        const replies: Array<unknown> = []
        for (const command of commands) replies.push(await client.call("ACL", [...command]))
        return replies
      }),
    (client) => Effect.sync(() => client.disconnect())
  )

/** The whole life of a person's record. */
const keep = ({ create, destroy, read, write }: SessionProvider.Records<SessionError>) =>
  Effect.gen(function* () {
    const id = newId()
    const { revision } = written(yield* create(id, bytes("0"), ttl))
    written(yield* write(id, bytes("1"), ttl, revision))
    expect(text(yield* read(id))).toBe("1")
    yield* destroy(id)
    expect(text(yield* read(id))).toBe(undefined)
  })

/** A session's whole life. */
const live = (provider: SessionProvider.Provider) =>
  Effect.gen(function* () {
    const id = newId()
    const next = newId(id.slice(0, provider.capabilities.inheritedIdChars))
    const mark = { content: bytes("m"), ttl }
    const created = written(yield* provider.create(id, bytes("0"), ttl))
    const { revision } = written(yield* provider.write(id, bytes("1"), ttl, created.revision))
    expect((yield* provider.touch(id, ttl))._tag).toBe("Touched")
    written(yield* provider.regenerate({ oldId: id, newId: next, payload: bytes("2"), ttl, revision, mark }))
    if (provider.count !== undefined) expect(yield* provider.count).toBe(1)
    yield* provider.marked?.(id) ?? Effect.void
    yield* provider.destroy(next, mark)
    expect(yield* provider.exists(next)).toBe(false)
    if (provider.principals !== undefined) yield* keep(provider.principals)
  })

/** A session whose end is told. */
const hear = (provider: SessionProvider.Provider) =>
  Effect.gen(function* () {
    const id = newId()
    yield* provider.create(id, bytes("0"), ttl)
    const end = Effect.andThen(Effect.sleep("200 millis"), provider.destroy(id))
    const [millis] = yield* machineTimed(Effect.all([provider.changed!(id), end], { concurrency: "unbounded" }))
    // It comes back without news, too, but later.
    expect(millis).toBeLessThan(4_000)
  })

for (const program of ["redis-server", "redis-server-6", "valkey-server"] as const) {
  suite(`the rights of a user, ${program}`, [program], () => {
    const server = shared(Servers.single({ program }))

    it.live("one server", () =>
      Effect.gen(function* () {
        expect(more).toEqual([])
        const { port, url } = yield* server
        yield* administer(url, ["SETUSER", "sessions", "reset"], all!)
        yield* live(yield* Redis.make({ url: `redis://sessions:password@127.0.0.1:${port}` }))
        yield* administer(url, news!, ["LOG", "RESET"])
        const provider = yield* Redis.make({ url: `redis://sessions:password@127.0.0.1:${port}` })
        yield* live(provider)
        yield* hear(provider)
        expect(JSON.stringify(yield* administer(url, ["LOG"]))).not.toContain('"channel"')
        yield* administer(url, select!)
        yield* live(yield* Redis.make({ url: `redis://sessions:password@127.0.0.1:${port}/3` }))
      }).pipe(Effect.scoped)
    )

    it.live.each([
      { layout: "beego's", keys: "~*", layer: BeegoRedis.layer },
      { layout: "connect-redis'", keys: "~sess:*", layer: ExpressRedis.layer }
    ])("one server, in $layout layout", ({ keys, layer }) =>
      Effect.gen(function* () {
        const { port, url } = yield* server
        yield* administer(url, ["SETUSER", "sessions", "reset"], all!, ["SETUSER", "sessions", keys, "+pttl", "+ping"])
        const context = yield* Layer.build(layer({ kind: "redis", url: `redis://sessions:password@127.0.0.1:${port}` }))
        yield* live(yield* Effect.provide(SessionProvider.SessionProvider, Layer.succeedContext(context)))
      }).pipe(Effect.scoped)
    )
  })
}

suite("the rights of a user, a cluster", ["redis-server", "redis-cli"], () => {
  const servers = shared(Servers.cluster())
  it.live("all nodes", () =>
    Effect.gen(function* () {
      const { nodes } = yield* servers
      for (const { url } of nodes) yield* administer(url, all!, news!, inCluster!)
      const url = nodes.map(({ port }) => `redis://sessions:password@127.0.0.1:${port}`).join(",")
      const provider = yield* Redis.makeCluster({ url })
      yield* live(provider)
      for (let i = 0; i < 5; i++) yield* hear(provider)
      // Users are each node's own.
      yield* administer(nodes[1]!.url, ["SETUSER", "sessions", "off"])
      const error = yield* Effect.flip(Effect.scoped(Redis.makeCluster({ url, timeout: "10 seconds" })))
      expect(error.message).toBe("redisCluster: connect failed (WRONGPASS): check the user and the password")
    }).pipe(Effect.scoped)
  )
})

suite("the rights of a user, sentinels", ["redis-server"], () => {
  const servers = shared(Servers.sentinel())
  it.live("of the servers, and of the sentinels", () =>
    Effect.gen(function* () {
      const { masterName, nodes, sentinels } = yield* servers
      for (const { url } of nodes) yield* administer(url, all!, news!, wait!)
      for (const { url } of sentinels) yield* administer(url, onSentinels!, ["SETUSER", "default", "off"])
      const addresses = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")
      const login = { sentinelUsername: "lookup", sentinelPassword: "password" }
      const url = `redis://sessions:password@${addresses}`
      const provider = yield* Redis.makeSentinel({ url, masterName, minReplicas: 1, ...login })
      yield* live(provider)
      yield* hear(provider)
    }).pipe(Effect.scoped)
  )
})
