/**
 * What Redis refuses, in words that say what to do: rights, wrong databases and kinds of servers, passwords, and servers
 * that take no writes for now.
 */

import type { SessionError } from "effect-session"
import * as Redis from "effect-session/redis"
import { Redis as Client } from "ioredis"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { expect, it } from "#test/vitest"
import * as BeegoRedis from "../../src/beego/layouts/redis.js"
import { bytes, newId } from "../../src/testing/support.js"
import { suite, suiteBeside } from "../servers/need.js"
import * as Proxy from "../servers/Proxy.js"
import * as Servers from "../servers/Redis.js"
import * as Scripted from "../servers/scripted.js"
import { shared } from "./shared.js"

const ttl = Duration.minutes(5)

/** What an administrator does. */
const tell = (url: string, ...commands: ReadonlyArray<ReadonlyArray<string>>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Client(url)),
    (client) =>
      Effect.promise(async () => {
        for (const [command, ...args] of commands) await client.call(command!, args)
      }),
    (client) => Effect.sync(() => client.disconnect())
  )

const messageOf = <A>(effect: Effect.Effect<A, SessionError>) =>
  Effect.map(Effect.flip(effect), ({ message, reason }) => `${reason}: ${message}`)

const creating = (options: Redis.Options) =>
  messageOf(Effect.scoped(Effect.flatMap(Redis.make(options), (provider) => provider.create(newId(), bytes("x"), ttl))))

/** Each with the servers that say it in words of their own. */
for (const program of ["redis-server", "redis-server-6", "valkey-server"] as const) {
  suite(`rights, ${program}`, [program], () => {
    const server = shared(Servers.single({ program }))

    for (const [what, rules, message] of [
      ["no EVALSHA", ["~*", "+get", "+info"], "(NOPERM, for EVALSHA): give the user +evalsha with ACL SETUSER"],
      [
        "no SET in a script",
        ["~*", "+evalsha", "+eval", "+getrange", "+exists"],
        /\(NOPERM(, for SET)?\): give the user /
      ],
      [
        "other keys",
        ["~app:*", "+@all"],
        "(NOPERM, for its keys): give the user the keys of sessions, marks and people"
      ],
      [
        "no keys of marks",
        ["~session:*", "+@all"],
        "(NOPERM, for its keys): give the user the keys of sessions, marks and people"
      ]
    ] as const) {
      it.live(what, () =>
        Effect.gen(function* () {
          const { port, url } = yield* server
          yield* tell(url, ["acl", "setuser", "app", "reset", "on", ">secret", ...rules])
          const text = yield* creating({ url: `redis://app:secret@127.0.0.1:${port}` })
          if (typeof message === "string") expect(text).toContain(message)
          else expect(text).toMatch(message)
          expect(text).not.toContain("secret")
        })
      )
    }
  })

  suite(`no writes for now, ${program}`, [program], () => {
    const server = shared(Servers.single({ program }))

    for (const [what, on, off, message] of [
      [
        "memory",
        ["config", "set", "maxmemory", "1"],
        ["config", "set", "maxmemory", "0"],
        "(OOM): the server's memory is full"
      ],
      [
        "replicas",
        ["config", "set", "min-replicas-to-write", "1"],
        ["config", "set", "min-replicas-to-write", "0"],
        "(NOREPLICAS): fewer replicas are connected"
      ],
      ["a replica", ["replicaof", "127.0.0.1", "1"], ["replicaof", "no", "one"], "(READONLY): the server is a replica"]
    ] as const) {
      // Redis 6 does not look at its replicas within scripts.
      if (program === "redis-server-6" && what === "replicas") continue
      it.live(what, () =>
        Effect.gen(function* () {
          const { url } = yield* server
          // Such errors come from within scripts.
          yield* creating({ url, prefix: "" }).pipe(Effect.ignore)
          yield* tell(url, on)
          expect(yield* creating({ url })).toContain(`Unavailable: redis: create failed ${message}`)
          yield* tell(url, off)
        })
      )
    }

    it.live("another program's value at a session's key", () =>
      Effect.gen(function* () {
        const { url } = yield* server
        const provider = yield* Redis.make({ url })
        const id = newId()
        yield* tell(url, ["lpush", `session:${id}`, "x"])
        expect(yield* messageOf(provider.create(id, bytes("x"), ttl))).toContain("(WRONGTYPE): another program keeps")
      }).pipe(Effect.scoped)
    )
  })
}

const building = <A, R>(layer: Effect.Effect<A, SessionError, R>) =>
  messageOf(Effect.scoped(layer as Effect.Effect<A, SessionError>))

suiteBeside("one server in place of another kind, or the reverse", ["redis-server", "redis-cli"], () => {
  const single = shared(Servers.single())
  const cluster = shared(Servers.cluster())
  const sentinels = shared(Servers.sentinel({ sentinelPassword: "s3ntinel" }))

  it.live("a database that the server does not have: no session is kept in database 0 instead", () =>
    Effect.gen(function* () {
      const { url } = yield* single
      const none =
        "InvalidConfig: url, the database: the server has no database of this number: use a lower one, or raise the server's databases"
      expect(yield* building(Redis.make({ url: `${url}/99` }))).toBe(none)
      expect(yield* building(Redis.make({ url, options: { db: 99 } }))).toBe(none)
      expect(yield* building(Layer.build(BeegoRedis.layer({ kind: "redis", url: `${url}/99` })))).toBe(none)
      const [first, ...others] = (yield* cluster).url.split(",")
      expect(yield* building(Redis.makeCluster({ url: [`${first}/1`, ...others].join(",") }))).toBe(
        "InvalidConfig: url, the database: a cluster has no database but 0: leave the number out of the URL"
      )
    })
  )

  it.live("memcached", () =>
    Effect.gen(function* () {
      const { url } = yield* Scripted.make((_, socket) => socket.write("ERROR\r\n"))
      expect(yield* building(Redis.make({ url }))).toBe(
        "Unavailable: redis: connect failed (not an answer of Redis'): check the host and the port in the URL"
      )
    }).pipe(Effect.scoped)
  )

  it.live("a database that the server to which a name leads later does not have", () =>
    Effect.gen(function* () {
      const many = yield* Servers.single()
      const fewer = yield* Servers.single({ args: ["--databases", "2"] })
      const proxy = yield* Proxy.make(many.port)
      const provider = yield* Redis.make({ url: `redis://127.0.0.1:${proxy.port}/3` })
      yield* provider.create(newId(), bytes("x"), ttl)
      proxy.lead(fewer.port)
      proxy.close()
      expect(yield* messageOf(provider.create(newId(), bytes("x"), ttl))).toBe(
        "Unavailable: redis: create failed (the server has no database of this number): use a lower one, or raise the server's databases"
      )
      yield* Effect.acquireUseRelease(
        Effect.sync(() => new Client(fewer.url)),
        (client) =>
          Effect.map(
            Effect.promise(() => client.dbsize()),
            (size) => expect(size).toBe(0)
          ),
        (client) => Effect.sync(() => client.disconnect())
      )
    }).pipe(Effect.scoped)
  )

  it.live("a node of a cluster, or a sentinel, in place of one server; one server in place of a cluster", () =>
    Effect.gen(function* () {
      const [node] = (yield* cluster).nodes
      expect(yield* building(Redis.make({ url: node!.url }))).toBe(
        "InvalidConfig: url: the server is a node of a cluster: use redisCluster"
      )
      const [one] = (yield* sentinels).sentinels
      expect(yield* building(Redis.make({ url: one!.url }))).toBe(
        "InvalidConfig: url: the server is a sentinel: use redisSentinel"
      )
      expect(yield* building(Redis.makeCluster({ url: (yield* single).url }))).toBe(
        "Unavailable: redisCluster: connect failed (the server is not in a cluster): use redis"
      )
    })
  )

  it.live("a cluster whose keys' prefix scatters a session", () =>
    Effect.gen(function* () {
      const { url } = yield* cluster
      for (const prefix of ["{}:", "a{}b{c}:"]) {
        expect(yield* building(Redis.makeCluster({ url, prefix }))).toMatch(/^InvalidConfig: prefix: \{\} in it/)
      }
      const provider = yield* Redis.makeCluster({ url, prefix: "{" })
      const [oldId, newOne] = [newId(), newId()]
      const created = yield* provider.create(oldId, bytes("x"), ttl)
      expect(created._tag).toBe("Written")
      expect(newOne).not.toBe(oldId)
    }).pipe(Effect.scoped)
  )

  it.live("sentinels that want a password of their own, and a master that they do not know", () =>
    Effect.gen(function* () {
      const { masterName, url } = yield* sentinels
      const without = yield* building(Redis.makeSentinel({ url, masterName }))
      expect(without).toMatch(
        /^Unavailable: redisSentinel: connect failed \(NOAUTH, by a sentinel\): check sentinelUsername/
      )
      const wrong = yield* building(Redis.makeSentinel({ url, masterName, sentinelPassword: "wr0ng" }))
      expect(wrong).toMatch(/\((WRONGPASS|NOAUTH), by a sentinel\)/)
      expect(wrong).not.toContain("wr0ng")
      expect(yield* building(Redis.makeSentinel({ url, masterName: "other", sentinelPassword: "s3ntinel" }))).toBe(
        "Unavailable: redisSentinel: connect failed (the sentinels know no master of this name): check masterName"
      )
      const provider = yield* Redis.makeSentinel({ url, masterName, sentinelPassword: "s3ntinel" })
      expect((yield* provider.create(newId(), bytes("x"), ttl))._tag).toBe("Written")
      const variables = { SESSION_URL: url, SESSION_MASTER_NAME: masterName, SESSION_SENTINEL_PASSWORD: "s3ntinel" }
      yield* Layer.build(
        Layer.provide(
          Redis.layerSentinelFromEnv,
          ConfigProvider.layer(ConfigProvider.fromEnvRecord({ ...variables, SESSION_SENTINEL_TLS: "false" }))
        )
      )
    }).pipe(Effect.scoped)
  )
})

suiteBeside("a server that changes while the app runs", ["redis-server", "redis-cli"], () => {
  it.live("its password: calls say that it is wrong, and not only that there is no connection", () =>
    Effect.gen(function* () {
      const { port, url } = yield* Servers.single({ password: "old" })
      const provider = yield* Redis.make({ url })
      yield* tell(url, ["config", "set", "requirepass", "new"])
      yield* tell(`redis://:new@127.0.0.1:${port}`, ["client", "kill", "type", "normal"])
      yield* Effect.sleep("100 millis")
      const text = yield* messageOf(provider.read(newId()))
      expect(text).toBe("Unavailable: redis: read failed (WRONGPASS): check the user and the password")
    }).pipe(Effect.scoped)
  )

  it.live("the password of a cluster", () =>
    Effect.gen(function* () {
      const { nodes, url } = yield* Servers.cluster({ password: "old" })
      const provider = yield* Redis.makeCluster({ url })
      for (const node of nodes) {
        yield* tell(node.url, ["config", "set", "masterauth", "new"], ["config", "set", "requirepass", "new"])
      }
      for (const { port } of nodes) {
        yield* tell(`redis://:new@127.0.0.1:${port}`, ["client", "kill", "type", "normal"])
      }
      yield* Effect.sleep("100 millis")
      const text = yield* messageOf(provider.read(newId()))
      expect(text).toBe("Unavailable: redisCluster: read failed (WRONGPASS): check the user and the password")
    }).pipe(Effect.scoped)
  )

  it.live("a cluster whose slots have no node", () =>
    Effect.gen(function* () {
      const { nodes, url } = yield* Servers.cluster()
      const provider = yield* Redis.makeCluster({ url })
      for (const node of nodes.slice(0, 3)) yield* tell(node.url, ["cluster", "flushslots"])
      expect(yield* messageOf(provider.create(newId(), bytes("x"), ttl))).toContain(
        "(CLUSTERDOWN): the cluster has no node"
      )
    }).pipe(Effect.scoped)
  )

  it.live("it loads its data", () =>
    Effect.gen(function* () {
      const server = yield* Servers.single({
        args: [
          "--key-load-delay",
          "500",
          "--loading-process-events-interval-bytes",
          "1024",
          "--enable-debug-command",
          "yes"
        ]
      })
      const provider = yield* Redis.make({ url: server.url })
      yield* tell(server.url, ["debug", "populate", "30000"], ["save"])
      yield* server.kill
      yield* Effect.forkChild(server.start)
      yield* Effect.sleep("2 seconds")
      expect(yield* messageOf(provider.read(newId()))).toContain("(LOADING): the server is loading its data")
      expect(yield* building(Redis.make({ url: server.url }))).toContain("(LOADING): the server is loading its data")
    }).pipe(Effect.scoped)
  )
})
