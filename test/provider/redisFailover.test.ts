/**
 * Redis Sentinel's failover and Redis Cluster's slot migration, both under writers: nothing that was acknowledged is lost.
 */
import type { SessionProvider } from "effect-session"
import * as Redis from "effect-session/redis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Option from "#effect/Option"
import * as Schedule from "#effect/Schedule"
import { expect, it } from "#test/vitest"
import { suite } from "../servers/need.js"
import { runToEnd } from "../servers/Process.js"
import * as Servers from "../servers/Redis.js"
import { shared } from "./shared.js"

const ttl = Duration.minutes(5)

/** A session that counts up by compare-and-set, over and over, as fast as it can. */
interface Writer {
  readonly id: SessionProvider.StoredId
  acknowledged: number
  failures: number
  lastSuccess: number
}

const start = (provider: SessionProvider.Provider, count: number) =>
  Effect.gen(function* () {
    const writers = Array.from(
      { length: count },
      (_, i): Writer => ({
        // Spread over a cluster's slots, as random ids are.
        id: `${i}-${Math.random().toString(36).slice(2)}`.padEnd(43, "0") as SessionProvider.StoredId,
        acknowledged: 0,
        failures: 0,
        lastSuccess: Date.now()
      })
    )
    for (const { id } of writers) yield* provider.create(id, Buffer.from("0"), ttl)
    const fiber = yield* Effect.forkChild(
      Effect.forEach(writers, (writer) => Effect.forever(step(provider, writer)), { concurrency: "unbounded" })
    )
    return { writers, stop: Fiber.interrupt(fiber) }
  })

const step = (provider: SessionProvider.Provider, writer: Writer) =>
  Effect.gen(function* () {
    const stored = Option.getOrThrow(yield* provider.read(writer.id))
    const value = Number(Buffer.from(stored.payload).toString())
    // What was acknowledged is never seen to be undone. It may be one more: a write whose acknowledgement was lost.
    expect(value).toBeGreaterThanOrEqual(writer.acknowledged)
    const result = yield* provider.write(writer.id, Buffer.from(`${value + 1}`), ttl, stored.revision)
    if (result._tag === "Written") {
      writer.acknowledged = value + 1
      writer.lastSuccess = Date.now()
    }
  }).pipe(
    Effect.catchTag("SessionError", () =>
      Effect.andThen(
        Effect.sync(() => writer.failures++),
        Effect.sleep("20 millis")
      )
    ),
    Effect.uninterruptible
  )

const total = (writers: ReadonlyArray<Writer>, what: "acknowledged" | "failures") =>
  writers.reduce((sum, writer) => sum + writer[what], 0)

const stored = (provider: SessionProvider.Provider, writers: ReadonlyArray<Writer>) =>
  Effect.forEach(writers, ({ id }) =>
    provider.read(id).pipe(
      // A busy machine's servers may still be moving.
      Effect.retry({ times: 100, schedule: Schedule.spaced("100 millis") }),
      Effect.map((found) => Number(Buffer.from(Option.getOrThrow(found).payload).toString()))
    )
  )

suite("redisSentinel", ["redis-server"], () => {
  const servers = shared(Servers.sentinel())

  it.live(
    "with minReplicas, the master's death under 32 writers loses no acknowledged write",
    () =>
      Effect.gen(function* () {
        const { master, masterName, url } = yield* servers
        const provider = yield* Redis.makeSentinel({ url, masterName, minReplicas: 1 })
        const { stop, writers } = yield* start(provider, 32)
        yield* Effect.sleep("100 millis").pipe(
          Effect.repeat({ until: () => total(writers, "acknowledged") > 100 }),
          Effect.timeout("20 seconds")
        )
        yield* Effect.flatMap(master, (dead) => dead.kill)
        const killed = Date.now()
        yield* Effect.sleep("500 millis")
        const stalled = writers.map(({ acknowledged }) => acknowledged)
        yield* Effect.sleep("20 millis").pipe(
          Effect.repeat({ while: () => writers.some(({ acknowledged }, i) => acknowledged === stalled[i]) }),
          Effect.timeout("30 seconds")
        )
        const recovered = Date.now() - killed
        yield* Effect.sleep("500 millis")
        yield* stop
        const values = yield* stored(provider, writers)
        expect(writers.filter(({ acknowledged }, i) => values[i]! < acknowledged)).toEqual([])
        console.info(
          `failover: all 32 writers went on ${recovered} ms after the kill; ` +
            `${total(writers, "acknowledged")} acknowledged writes, 0 lost; ${total(writers, "failures")} typed errors meanwhile`
        )
      }).pipe(Effect.scoped),
    120_000
  )

  it.live("with minReplicas, a write that no replica has is not acknowledged", () =>
    Effect.gen(function* () {
      const { masterName, url } = yield* servers
      const provider = yield* Redis.makeSentinel({ url, masterName, minReplicas: 5 })
      const error = yield* Effect.flip(provider.create("alone" as SessionProvider.StoredId, Buffer.from("0"), ttl))
      expect([error.reason, error.message]).toEqual([
        "Unavailable",
        "redisSentinel: create failed (not confirmed by enough replicas within 1000 ms): it was made, but a failover can lose it: see INFO replication for the replicas that are connected, or lower minReplicas"
      ])
    }).pipe(Effect.scoped)
  )
})

suite("redisCluster", ["redis-server", "redis-cli"], () => {
  const servers = shared(Servers.cluster())

  it.live(
    "slots that move from node to node under 64 writers lose nothing, and fail nothing",
    () =>
      Effect.gen(function* () {
        const { nodes, url } = yield* servers
        const provider = yield* Redis.makeCluster({ url })
        const { stop, writers } = yield* start(provider, 64)
        const name = (port: number) =>
          runToEnd("redis-cli", ["-p", `${port}`, "cluster", "myid"]).then((text) => text.trim())
        const [from, to] = yield* Effect.promise(() => Promise.all([name(nodes[0]!.port), name(nodes[1]!.port)]))
        yield* Effect.promise(() =>
          runToEnd("redis-cli", [
            ...["--cluster", "reshard", `127.0.0.1:${nodes[0]!.port}`, "--cluster-yes"],
            ...["--cluster-from", from, "--cluster-to", to, "--cluster-slots", "3000"]
          ])
        )
        yield* stop
        expect(total(writers, "failures")).toBe(0)
        expect(yield* stored(provider, writers)).toEqual(writers.map(({ acknowledged }) => acknowledged))
        expect(total(writers, "acknowledged")).toBeGreaterThan(1000)
      }).pipe(Effect.scoped),
    120_000
  )
})
