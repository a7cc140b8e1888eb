/**
 * Valkey, whose own compare-and-set the provider uses: conformance, and what each write costs the server.
 */
import * as Redis from "effect-session/redis"
import { Redis as Client } from "ioredis"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { expect, it } from "#test/vitest"
import { bytes, newId, text, written } from "../../src/testing/support.js"
import { suite } from "../servers/need.js"
import { ask } from "../servers/Process.js"
import * as Servers from "../servers/Redis.js"
import { conforms } from "./conforms.js"
import { shared } from "./shared.js"

const hour = Duration.hours(1)

/** A figure of a command's statistics. */
const statistic = (port: number, command: string, name: string) =>
  Effect.promise(async () => {
    const [, count] = await ask(port, "INFO commandstats", new RegExp(`cmdstat_${command}:.*\\b${name}=(\\d+)`))
    return Number(count)
  })

suite("valkey", ["valkey-server"], () => {
  const server = shared(Servers.single({ program: "valkey-server" }))

  conforms(
    Effect.map(server, ({ url }) => Redis.layer({ url, timeout: "20 seconds" })),
    { answersWithin: 40_000 },
    true,
    true,
    true
  )

  it.live("a write is one command without a script, and each kind of conflict is found", () =>
    Effect.gen(function* () {
      const { port, url } = yield* server
      const provider = yield* Redis.make({ url })
      const id = newId()
      const created = written(yield* provider.create(id, bytes("0"), hour))
      const before = yield* statistic(port, "evalsha", "calls")
      let { revision } = created
      for (const payload of ["1", "2", "3"]) {
        revision = written(yield* provider.write(id, bytes(payload), hour, revision)).revision
      }
      const read = Option.getOrThrow(yield* provider.read(id))
      revision = written(yield* provider.write(id, bytes("4"), hour, read.revision)).revision
      expect(yield* statistic(port, "evalsha", "calls")).toBe(before)

      const late = yield* provider.write(id, bytes("late"), hour, created.revision)
      expect(late._tag === "Conflict" && late.current && text(Option.some(late.current))).toBe("4")
      yield* provider.touch(id, Duration.hours(2))
      revision = written(yield* provider.write(id, bytes("after a renewal"), hour, revision)).revision
      yield* provider.destroy(id)
      expect((yield* provider.write(id, bytes("late"), hour, revision))._tag).toBe("Gone")
    })
  )
})

suite("valkey, and a replica of it", ["valkey-server"], () => {
  const master = shared(Servers.single({ program: "valkey-server" }))
  const replica = shared(
    Effect.flatMap(master, ({ host, port }) =>
      Servers.single({ program: "valkey-server", args: ["--replicaof", host, `${port}`] })
    )
  )

  it.live("a write counts when the replica has it, and not without it", () =>
    Effect.gen(function* () {
      const { url } = yield* master
      const { stop } = yield* replica
      const provider = yield* Redis.make({ url, minReplicas: 1, timeout: "5 seconds" })
      const id = newId()
      const { revision } = written(yield* Effect.retry(provider.create(id, bytes("0"), hour), { times: 20 }))
      const next = written(yield* provider.write(id, bytes("1"), hour, revision))
      yield* stop
      const failed = yield* Effect.flip(provider.write(id, bytes("2"), hour, next.revision))
      expect(failed.reason).toBe("Unavailable")
    })
  )
})

suite("valkey, through an app's own client", ["valkey-server"], () => {
  const server = shared(Servers.single({ program: "valkey-server" }))

  it.live.each([
    ["that pipelines by itself", { enableAutoPipelining: true }],
    ["with a prefix of its own", { keyPrefix: "app:" }]
  ] as const)("%s", ([, options]) =>
    Effect.gen(function* () {
      const { url } = yield* server
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => new Client(url, options)),
        (client) => Effect.sync(() => client.disconnect())
      )
      const provider = yield* Redis.make({ client })
      for (const size of [1, 4_000, 5_000]) {
        const id = newId()
        const created = written(yield* provider.create(id, bytes("x".repeat(size)), hour))
        const next = written(yield* provider.write(id, bytes("y".repeat(size)), hour, created.revision))
        expect((yield* provider.write(id, bytes("late"), hour, created.revision))._tag).toBe("Conflict")
        yield* provider.touch(id, hour)
        written(yield* provider.write(id, bytes("z".repeat(size)), hour, next.revision))
        expect(text(yield* provider.read(id))).toBe("z".repeat(size))
        yield* provider.destroy(id)
        expect(yield* provider.exists(id)).toBe(false)
      }
    })
  )
})

suite("a server without a compare-and-set of its own", ["redis-server"], () => {
  const server = shared(Servers.single())

  it.live("is asked for it once", () =>
    Effect.gen(function* () {
      const { port, url } = yield* server
      const provider = yield* Redis.make({ url })
      const id = newId()
      let { revision } = written(yield* provider.create(id, bytes("0"), hour))
      for (const payload of ["1", "2", "3"]) {
        revision = written(yield* provider.write(id, bytes(payload), hour, revision)).revision
      }
      expect(text(yield* provider.read(id))).toBe("3")
      expect(yield* statistic(port, "set", "failed_calls")).toBe(1)
    })
  )
})
