/**
 * A master that is demoted while the app stays connected to it: the name leads to another server, or the sentinels know
 * another. Redis 6 words the refusal differently within scripts.
 */
import { SessionProvider } from "effect-session"
import * as Redis from "effect-session/redis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { expect, it } from "#test/vitest"
import * as BeegoRedis from "../../src/beego/layouts/redis.js"
import { bytes, newId } from "../../src/testing/support.js"
import { suite } from "../servers/need.js"
import { ask, until } from "../servers/Process.js"
import * as Proxy from "../servers/Proxy.js"
import * as Servers from "../servers/Redis.js"

const ttl = Duration.minutes(5)

const tell = (port: number, command: string, expected = /\+OK/) =>
  Effect.promise(() => until(() => ask(port, command, expected)))

/** A master, and a replica that has what it has. */
const pair = (program: "redis-server" | "redis-server-6") =>
  Effect.gen(function* () {
    const [master, replica] = [yield* Servers.single({ program }), yield* Servers.single({ program })]
    yield* tell(replica.port, `REPLICAOF 127.0.0.1 ${master.port}`)
    yield* tell(replica.port, "INFO replication", /master_link_status:up/)
    return { master, replica }
  })

const creating = (provider: SessionProvider.Provider) =>
  Effect.map(provider.create(newId(), bytes("x"), ttl), ({ _tag }) => _tag)

for (const program of ["redis-server", "redis-server-6"] as const) {
  suite(`a demoted master, ${program}`, [program, "redis-server"], () => {
    it.live.each([
      ["our layout", (url: string) => Redis.layer({ url })],
      ["beego's", (url: string) => BeegoRedis.layer({ kind: "redis", url })]
    ] as const)("whose name leads to another: not one call fails, %s", ([, make]) =>
      Effect.gen(function* () {
        const { master, replica } = yield* pair(program)
        const proxy = yield* Proxy.make(master.port)
        const context = yield* Layer.build(make(`redis://127.0.0.1:${proxy.port}`))
        const provider = yield* Effect.provide(SessionProvider.SessionProvider, Layer.succeedContext(context))
        expect(yield* creating(provider)).toBe("Written")
        yield* tell(replica.port, "REPLICAOF NO ONE")
        proxy.lead(replica.port)
        yield* tell(master.port, `REPLICAOF 127.0.0.1 ${replica.port}`)
        for (let i = 0; i < 5; i++) expect(yield* creating(provider)).toBe("Written")
        expect(proxy.accepted()).toBe(2)
      }).pipe(Effect.scoped)
    )

    it.live("that stays what its name leads to: calls say READONLY, and it is not connected to for each of them", () =>
      Effect.gen(function* () {
        const { master, replica } = yield* pair(program)
        const proxy = yield* Proxy.make(replica.port)
        const provider = yield* Redis.make({ url: `redis://127.0.0.1:${proxy.port}` })
        for (let i = 0; i < 50; i++) {
          expect((yield* Effect.flip(creating(provider))).message).toContain("(READONLY)")
          yield* provider.read(newId())
        }
        expect(proxy.accepted()).toBeLessThan(10)
        expect(master.port).not.toBe(replica.port)
      }).pipe(Effect.scoped)
    )

    it.live("when the sentinels know another by now", () =>
      Effect.gen(function* () {
        const { master, replica } = yield* pair(program)
        const { port, url } = yield* Servers.watcher("mymaster", master.port)
        const provider = yield* Redis.makeSentinel({ url, masterName: "mymaster" })
        expect(yield* creating(provider)).toBe("Written")
        yield* tell(replica.port, "REPLICAOF NO ONE")
        yield* tell(port, "SENTINEL REMOVE mymaster")
        yield* tell(port, `SENTINEL MONITOR mymaster 127.0.0.1 ${replica.port} 1`)
        yield* tell(master.port, `REPLICAOF 127.0.0.1 ${replica.port}`)
        for (let i = 0; i < 3; i++) expect(yield* creating(provider)).toBe("Written")
      }).pipe(Effect.scoped)
    )
  })
}
