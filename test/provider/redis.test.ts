/**
 * Redis: conformance, and what a provider sees of a server's other keys.
 */
import type { SessionError, SessionProvider } from "effect-session"
import * as Redis from "effect-session/redis"
import { Redis as Client, type Cluster } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import type * as Scope from "#effect/Scope"
import * as Stream from "#effect/Stream"
import { expect, it } from "#test/vitest"
import { newId } from "../../src/testing/support.js"
import { suite } from "../servers/need.js"
import * as Servers from "../servers/Redis.js"
import { conforms } from "./conforms.js"
import { shared } from "./shared.js"

suite("redis", ["redis-server"], () => {
  conforms(
    // Many cases connect at once.
    Effect.map(shared(Servers.single()), ({ url }) => Redis.layer({ url, timeout: "20 seconds" })),
    { answersWithin: 40_000 },
    true,
    true,
    true
  )
})

suite("redis, behind a password, in another database, under a prefix that is a pattern", ["redis-server"], () => {
  const server = shared(Servers.single({ password: "p/w?@:" }))
  it.live("keeps and lists its own sessions, and no others", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const make = (prefix: string) => Redis.make({ url: `${url}/3`, prefix })
      const [mine, other] = yield* Effect.all([make("[a]*:"), make("a:")])
      const id = newId()
      yield* mine.create(id, Buffer.from("mine"), Duration.minutes(1))
      yield* other.create(id, Buffer.from("other"), Duration.minutes(1))
      expect(Option.getOrThrow(yield* mine.read(id)).payload.toString()).toBe("mine")
      expect([...(yield* Stream.runCollect(mine.list!))]).toEqual([id])
      expect(yield* mine.count!).toBe(1)
    }).pipe(Effect.scoped)
  )
})

suite("redis, where other programs have keys under the same prefix", ["redis-server", "redis-cli"], () => {
  const single = shared(Servers.single())
  const cluster = shared(Servers.cluster())
  const sees = (
    make: (prefix: string) => Effect.Effect<SessionProvider.Provider, SessionError, Scope.Scope>,
    client: Client | Cluster
  ) =>
    Effect.gen(function* () {
      const [mine, admin] = yield* Effect.all([make("session:"), make("session:admin:")])
      const id = newId()
      yield* mine.create(id, Buffer.from("mine"), Duration.minutes(1))
      yield* admin.create(newId(), Buffer.from("admin's"), Duration.minutes(1))
      for (const key of ["session:lock:nightly-job", "session:config", `session:{abc}.${newId()}`]) {
        yield* Effect.promise(() => client.set(key, "another's"))
      }
      expect([...(yield* Stream.runCollect(mine.list!))]).toEqual([id])
      expect(yield* mine.count!).toBe(1)
      client.disconnect()
    }).pipe(Effect.scoped)

  it.live("one server: lists and counts sessions, and nothing else", () =>
    Effect.flatMap(single, ({ url }) => sees((prefix) => Redis.make({ url, prefix }), new Client(url)))
  )

  it.live("a cluster: lists and counts sessions, and nothing else", () =>
    Effect.flatMap(cluster, ({ nodes, url }) =>
      sees(
        (prefix) => Redis.makeCluster({ url, prefix, timeout: "20 seconds" }),
        new Client.Cluster(nodes.map(({ port }) => ({ host: "127.0.0.1", port })))
      )
    )
  )
})

suite("an app's own client", ["redis-server", "redis-cli"], () => {
  const server = shared(Servers.single())
  const servers = shared(Servers.cluster())
  const counts = <C extends Client | Cluster>(open: () => C) =>
    Effect.gen(function* () {
      const client = yield* Effect.acquireRelease(Effect.sync(open), (client) => Effect.sync(() => client.disconnect()))
      const provider = yield* Redis.make({ client })
      expect(yield* provider.count!).toBe(0)
    }).pipe(Effect.scoped)

  it.live("that is still connecting lists sessions", () =>
    Effect.flatMap(server, ({ url }) => counts(() => new Client(url)))
  )

  it.live("of a cluster, that is still connecting, lists sessions", () =>
    Effect.flatMap(servers, ({ url }) =>
      counts(() => new Client.Cluster(url.split(","), { slotsRefreshTimeout: 30_000 }))
    )
  )
})
