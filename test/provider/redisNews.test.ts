/**
 * Redis: those who wait for a session to end are told over one connection, which may be lost or refused.
 */
import type { SessionProvider } from "effect-session"
import * as Redis from "effect-session/redis"
import { Redis as Client } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import { expect, it } from "#test/vitest"
import { bytes, newId, written } from "../../src/testing/support.js"
import { suite } from "../servers/need.js"
import { until } from "../servers/Process.js"
import * as Servers from "../servers/Redis.js"
import { shared } from "./shared.js"
import { recovers } from "./survives.js"

const ttl = Duration.minutes(5)

const begin = (provider: SessionProvider.Provider) =>
  Effect.suspend(() => {
    const id = newId()
    return Effect.map(provider.create(id, bytes("0"), ttl), (result) => ({ id, ...written(result) }))
  })

/** A client that looks at the server. */
const looking = (url: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new Client(url)),
    (client) => Effect.sync(() => client.disconnect())
  )

/** How many connections listen, by now. */
const listeners = async (client: Client) =>
  String(await client.call("CLIENT", "LIST", "TYPE", "pubsub"))
    .split("\n")
    .filter((line) => line !== "").length

const channels = async (client: Client) => ((await client.call("PUBSUB", "CHANNELS")) as Array<string>).length

const reaches = <A>(look: () => Promise<A>, expected: A) =>
  Effect.promise(() =>
    until(async () => {
      expect(await look()).toEqual(expected)
    })
  )

const isWaiting = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.map(Effect.raceFirst(Effect.as(Fiber.join(fiber), false), Effect.as(Effect.sleep("300 millis"), true)), (is) =>
    expect(is).toBe(true)
  )

suite("redis, whose sessions others wait for", ["redis-server"], () => {
  const server = shared(Servers.single())

  it.live("one connection for all, from the first that waits to the closing of the layer", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const client = yield* looking(url)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const provider = yield* Redis.make({ url })
          const all = yield* Effect.forEach(Array.from({ length: 20 }), () => begin(provider))
          yield* provider.destroy(all[19]!.id)
          expect(yield* Effect.promise(() => listeners(client))).toBe(0)
          const waiting = yield* Effect.forEach(all.slice(0, 19), ({ id }) => Effect.forkChild(provider.changed!(id)))
          yield* reaches(() => channels(client), 19)
          expect(yield* Effect.promise(() => listeners(client))).toBe(1)
          yield* provider.destroy(all[0]!.id)
          yield* Fiber.join(waiting[0]!)
          yield* isWaiting(waiting[1]!)
          yield* Effect.forEach(waiting.slice(2), Fiber.interrupt)
          yield* reaches(() => channels(client), 1)
          // Where nobody waits any more, another may.
          const again = yield* Effect.forEach(all.slice(0, 3), ({ id }) => Effect.forkChild(provider.changed!(id)))
          yield* Fiber.join(again[0]!)
          yield* provider.destroy(all[2]!.id)
          yield* Fiber.join(again[2]!)
          yield* reaches(() => channels(client), 1)
          expect(yield* Effect.promise(() => listeners(client))).toBe(1)
        })
      )
      yield* reaches(() => listeners(client), 0)
    }).pipe(Effect.scoped)
  )

  it.live(
    "who waits comes back when the connection is lost, and hears of what comes after it",
    () =>
      Effect.gen(function* () {
        const { url } = yield* Servers.single()
        const client = yield* looking(url)
        const provider = yield* Redis.make({ url })
        const { id } = yield* begin(provider)
        const waiting = yield* Effect.forkChild(provider.changed!(id))
        yield* reaches(() => channels(client), 1)
        yield* Effect.promise(() => client.call("CLIENT", "KILL", "TYPE", "pubsub"))
        yield* Fiber.join(waiting)
        const again = yield* Effect.forkChild(provider.changed!(id))
        yield* reaches(() => channels(client), 1)
        yield* provider.destroy(id)
        yield* Fiber.join(again)
      }).pipe(Effect.scoped),
    { concurrent: true }
  )

  it.live(
    "while the server is away, who waits comes back now and then",
    () =>
      Effect.gen(function* () {
        const away = yield* Servers.single()
        const provider = yield* Redis.make({ url: away.url })
        const { id } = yield* begin(provider)
        const client = yield* looking(away.url)
        client.on("error", () => {})
        const waiting = yield* Effect.forkChild(provider.changed!(id))
        yield* reaches(() => channels(client), 1)
        yield* away.stop
        yield* Fiber.join(waiting)
        let count = 0
        const looks = yield* Effect.forkChild(
          Effect.forever(
            Effect.andThen(
              provider.changed!(id),
              Effect.sync(() => count++)
            )
          )
        )
        yield* Effect.sleep("1 second")
        expect(count).toBeLessThan(2)
        yield* Fiber.interrupt(looks)
        yield* away.start
        const again = yield* recovers(begin(provider))
        const hearing = yield* Effect.forkChild(provider.changed!(again.id))
        yield* provider.destroy(again.id)
        yield* Fiber.join(hearing)
      }).pipe(Effect.scoped),
    { concurrent: true }
  )

  it.live("an app's own client, with a prefix of its own, which stays open", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const client = yield* looking(url)
      const own = yield* Effect.acquireRelease(
        Effect.sync(() => new Client(url, { keyPrefix: "app:" })),
        (own) => Effect.sync(() => own.disconnect())
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const provider = yield* Redis.make({ client: own })
          const { id } = yield* begin(provider)
          const waiting = yield* Effect.forkChild(provider.changed!(id))
          yield* reaches(() => client.call("PUBSUB", "CHANNELS") as Promise<Array<string>>, [`app:session:${id}`])
          yield* provider.destroy(id)
          yield* Fiber.join(waiting)
        })
      )
      yield* reaches(() => listeners(client), 0)
      expect(own.status).toBe("ready")
    }).pipe(Effect.scoped)
  )

  it.live("nobody hears of the records of people", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const client = yield* looking(url)
      const heard: Array<string> = []
      client.on("pmessage", (_, channel: string) => heard.push(channel))
      yield* Effect.promise(() => client.psubscribe("*"))
      const provider = yield* Redis.make({ url })
      const { id } = yield* begin(provider)
      const { create, destroy } = provider.principals!
      yield* create(id, bytes("0"), ttl)
      yield* destroy(id)
      yield* provider.destroy(id)
      yield* reaches(async () => heard, [`session:${id}`])
    }).pipe(Effect.scoped)
  )
})

for (const program of ["redis-server", "redis-server-6", "valkey-server"] as const) {
  suite(`no right to channels, ${program}`, [program], () => {
    const server = shared(Servers.single({ program }))

    for (const [what, rules] of [
      ["nor to the commands", ["-publish", "-subscribe"]],
      ["but to the commands", []]
    ] as const) {
      it.live(`${what}: sessions end all the same, and who waits does so, on one connection`, () =>
        Effect.gen(function* () {
          const { port, url } = yield* server
          const client = yield* looking(url)
          yield* Effect.promise(() =>
            client.call("ACL", "SETUSER", "app", "reset", "on", ">secret", "~*", "+@all", "resetchannels", ...rules)
          )
          const provider = yield* Redis.make({ url: `redis://app:secret@127.0.0.1:${port}` })
          const connections = async () =>
            Number(/^total_connections_received:(\d+)/m.exec(await client.info("stats"))![1])
          const before = yield* Effect.promise(connections)
          const [one, two] = [yield* begin(provider), yield* begin(provider)]
          const waiting = yield* Effect.forEach([one, one, two], ({ id }) => Effect.forkChild(provider.changed!(id)))
          yield* provider.destroy(one.id, { content: bytes("m"), ttl })
          written(
            yield* provider.regenerate({
              oldId: two.id,
              newId: newId(),
              payload: bytes("1"),
              ttl,
              revision: two.revision
            })
          )
          expect(yield* provider.exists(one.id)).toBe(false)
          expect(yield* provider.exists(two.id)).toBe(false)
          yield* Effect.forEach(waiting, isWaiting)
          expect(yield* Effect.promise(connections)).toBe(before + 1)
          expect(yield* Effect.promise(() => listeners(client))).toBe(0)
        }).pipe(Effect.scoped)
      )
    }
  })
}
