/**
 * memcached when something is wrong: servers that are away, slow or too small, a process that is killed half-way.
 */

import { spawn } from "node:child_process"
import { connect, createServer } from "node:net"
import type { SessionError, SessionProvider } from "effect-session"
import * as Memcached from "effect-session/memcached"
import { errorOf, valueOf } from "#dialect/result"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Fiber from "#effect/Fiber"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import * as Scope from "#effect/Scope"
import { describe, expect, it } from "#test/vitest"
import * as Servers from "../servers/Memcached.js"
import { suite } from "../servers/need.js"
import { freePorts, host, type Server } from "../servers/Process.js"
import { bundle } from "../support/bundle.js"
import { machineTimed } from "../support/machineTime.js"
import { bytes, day, killedWhileRegenerating, mindsOthers, textOf, touchesAmongWrites, written } from "./cas.js"
import { shared } from "./shared.js"

type Provider = SessionProvider.Provider

const ids = (count: number, prefix = "id") =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`) as Array<SessionProvider.StoredId>

/** How it went, and how long it took in milliseconds. */
const timed = <A>(effect: Effect.Effect<A, SessionError>) =>
  Effect.map(machineTimed(Effect.result(effect)), ([took, result]) => ({ took, result }))

const reasonOf = <A>(result: Result.Result<A, SessionError>) =>
  Result.isFailure(result) ? errorOf(result).reason : "none"

describe("memcached, configured wrongly", () => {
  const refused = (options: Memcached.Options, message: string) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Memcached.make(options)))
      expect(error.reason).toBe("InvalidConfig")
      expect(error.message).toContain(message)
    })

  it.live.each([
    "",
    "localhost",
    "localhost:x",
    "localhost:0",
    "localhost:65536",
    "::1:11211",
    "a:1,,b:2",
    "http://a:1"
  ])("url %j", (url) => refused({ url }, "host:port"))
  it.live("prefix", () => refused({ prefix: "a b" }, "prefix"))
})

suite("memcached, when something is wrong", ["memcached"], () => {
  it.live("a layer whose server is down does not build, and says so", () =>
    Effect.gen(function* () {
      const [port] = yield* Effect.promise(() => freePorts(1))
      const { result, took } = yield* timed(Effect.scoped(Memcached.make({ url: `${host}:${port}` })))
      expect(result).toMatchObject(
        Result.fail({
          reason: "Unavailable",
          message: expect.stringContaining("memcached: connect failed (ECONNREFUSED)")
        })
      )
      expect(took).toBeLessThan(2000)
    })
  )

  it.live("a payload over the server's own limit is TooLarge, and nothing is lost", () =>
    Effect.gen(function* () {
      const { url } = yield* Servers.make({ args: ["-I", "64k", "-o", "slab_chunk_max=32768"] })
      const provider = yield* Memcached.make({ url })
      const [id, next] = ids(2) as [SessionProvider.StoredId, SessionProvider.StoredId]
      const { revision } = written(yield* provider.create(id, bytes("small"), day))
      const large = Buffer.alloc(70_000)
      for (const attempt of [
        provider.create(next, large, day),
        provider.write(id, large, day, revision),
        provider.regenerate({ oldId: id, newId: next, payload: large, ttl: day, revision })
      ]) {
        expect(reasonOf(yield* Effect.result<unknown, SessionError, never>(attempt))).toBe("TooLarge")
      }
      expect(textOf(yield* provider.read(id))).toBe("small")
      expect(textOf(yield* provider.read(next))).toBe(undefined)
      written(yield* provider.write(id, bytes("still"), day, revision))
    })
  )

  it.live("an evicted session is gone", () =>
    Effect.gen(function* () {
      const { url } = yield* Servers.make({ args: ["-m", "2"] })
      const provider = yield* Memcached.make({ url })
      const [first, ...others] = ids(100) as [SessionProvider.StoredId, ...Array<SessionProvider.StoredId>]
      const { revision } = written(yield* provider.create(first, Buffer.alloc(100_000), day))
      for (const id of others) {
        written(yield* provider.create(id, Buffer.alloc(100_000), day))
      }
      expect(yield* provider.read(first)).toEqual(Option.none())
      expect((yield* provider.write(first, bytes("late"), day, revision))._tag).toBe("Gone")
      expect((yield* provider.touch(first, day))._tag).toBe("Gone")
    })
  )

  it.live("keys go up to 250 bytes; a longer or unclean id is refused, and never found", () =>
    Effect.gen(function* () {
      const { url } = yield* Servers.make()
      const provider = yield* Memcached.make({ url, prefix: "p:" })
      const longest = "x".repeat(248) as SessionProvider.StoredId
      written(yield* provider.create(longest, bytes("kept"), day))
      expect(textOf(yield* provider.read(longest))).toBe("kept")
      const { revision } = written(yield* provider.create(ids(1)[0]!, bytes("old"), day))
      for (const bad of [`${longest}x`, "a b", "a\r\nflush_all", "é", "a\u0000"] as Array<SessionProvider.StoredId>) {
        expect(reasonOf(yield* Effect.result(provider.create(bad, bytes("x"), day)))).toBe("Unsupported")
        expect(
          reasonOf(
            yield* Effect.result(
              provider.regenerate({ oldId: ids(1)[0]!, newId: bad, payload: bytes("x"), ttl: day, revision })
            )
          )
        ).toBe("Unsupported")
        expect(yield* provider.read(bad)).toEqual(Option.none())
      }
      expect(textOf(yield* provider.read(ids(1)[0]!))).toBe("old")
    })
  )

  const make = Effect.flatMap(shared(Servers.make()), ({ url }) => Memcached.make({ url }))
  touchesAmongWrites(make)
  mindsOthers(make)

  it.live(
    "of three servers one stops and comes back under load: its own keys fail in time, no others, and it recovers",
    () =>
      Effect.gen(function* () {
        const servers = yield* Effect.all([Servers.make(), Servers.make(), Servers.make()])
        const scope = yield* Scope.make()
        const provider = yield* Scope.provide(
          Memcached.make({ url: servers.map(({ url }) => url).join(","), timeout: "500 millis" }),
          scope
        )
        const sessions = ids(300)
        yield* Effect.forEach(sessions, (id) => provider.create(id, bytes(id), day), { concurrency: 32 })

        /** Reads all, again and again, and writes down what went wrong and what took long. */
        const failed = new Set<SessionProvider.StoredId>()
        const reasons = new Set<string>()
        let slowest = 0
        const load = Effect.forever(
          Effect.forEach(
            sessions,
            (id) =>
              Effect.map(timed(provider.read(id)), ({ result, took }) => {
                slowest = Math.max(slowest, took)
                if (Result.isFailure(result)) {
                  failed.add(id)
                  reasons.add(errorOf(result).reason)
                } else if (Option.isSome(valueOf(result))) {
                  expect(textOf(valueOf(result))).toBe(id)
                }
              }),
            { concurrency: 32 }
          )
        )
        const running = yield* Effect.forkChild(load)
        yield* Effect.sleep("300 millis")
        expect(failed.size).toBe(0)

        yield* servers[1].stop
        // All of its keys have been asked for once no more are added.
        let size = -1
        while (failed.size <= 50 || failed.size !== size) {
          size = failed.size
          yield* Effect.sleep("500 millis")
        }
        expect([...reasons]).toEqual(["Unavailable"])
        expect(failed.size).toBeLessThan(150)
        expect(slowest).toBeLessThan(1500)
        const lost = [...failed]

        yield* servers[1].start
        do {
          failed.clear()
          yield* Effect.sleep("300 millis")
        } while (failed.size > 0)
        for (const id of sessions) {
          const missing = lost.includes(id)
          expect(yield* provider.exists(id)).toBe(!missing)
          if (missing) {
            written(yield* provider.create(id, bytes(id), day))
          }
        }

        yield* servers[2].pause
        yield* Effect.sleep("100 millis")
        const [closing] = yield* machineTimed(Scope.close(scope, Exit.void))
        yield* servers[2].resume
        expect(closing).toBeLessThan(1000)
        yield* Fiber.interrupt(running)
        expect(reasonOf(yield* Effect.result(provider.read(sessions[0]!)))).toBe("Unavailable")
      })
  )

  it.live("answers that came in time count, however long this process was busy, and however large they are", () =>
    Effect.gen(function* () {
      const { url } = yield* Servers.make()
      const provider = yield* Memcached.make({ url, timeout: "1 second" })
      const sessions = ids(20)
      const large = new Uint8Array(900_000).fill(7)
      for (const id of sessions) {
        yield* provider.create(id, large, day)
      }
      const reading = yield* Effect.forkChild(Effect.all(sessions.map(provider.read), { concurrency: "unbounded" }))
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      for (const end = performance.now() + 1_500; performance.now() < end; ) {}
      const read = yield* Fiber.join(reading)
      expect(read.map((session) => Option.map(session, ({ payload }) => payload.length))).toEqual(
        sessions.map(() => Option.some(large.length))
      )
    })
  )

  it.live("a server that hangs is an error in time, and no trouble afterwards", () =>
    Effect.gen(function* () {
      const server = yield* Servers.make()
      const provider = yield* Memcached.make({ url: server.url, timeout: "300 millis" })
      const id = ids(1)[0]!
      const { revision } = written(yield* provider.create(id, bytes("kept"), day))
      yield* server.pause
      yield* Effect.sleep("50 millis")
      for (const attempt of operations(provider, id, revision)) {
        const { result, took } = yield* timed<unknown>(attempt)
        expect(reasonOf(result)).toBe("Unavailable")
        expect(took).toBeLessThan(1500)
      }
      yield* server.resume
      yield* Effect.sleep("100 millis")
      yield* provider.read(id)
    })
  )
})

const operations = (provider: Provider, id: SessionProvider.StoredId, revision: SessionProvider.Revision) => [
  provider.read(id),
  provider.exists(id),
  provider.create(ids(1, "new")[0]!, bytes("x"), day),
  provider.write(id, bytes("x"), day, revision),
  provider.touch(id, day),
  provider.destroy(id),
  provider.regenerate({ oldId: id, newId: ids(1, "next")[0]!, payload: bytes("x"), ttl: day, revision })
]

/** Between a client and memcached: stops everything at the first `cas`, before or after memcached gets it. */
const stopAtCas = (target: Server, when: "before" | "after") =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      let reached = () => {}
      const stopped = new Promise<void>((resolve) => {
        reached = resolve
      })
      const server = createServer((client) => {
        const upstream = connect(target.port, target.host)
        for (const socket of [client, upstream]) {
          socket.on("error", () => {})
        }
        let isStopped = false
        client.on("data", (data) => {
          const isCas = data.includes("cas ")
          isStopped ||= isCas
          if (!isStopped || (isCas && when === "after")) {
            upstream.write(data)
          }
          if (isCas && when === "before") {
            reached()
          }
        })
        upstream.on("data", (data) => {
          if (isStopped) {
            reached()
          } else {
            client.write(data)
          }
        })
        client.on("close", () => upstream.destroy())
      })
      const [port] = await freePorts(1)
      await new Promise<void>((resolve) => server.listen(port, host, resolve))
      return { server, stopped, url: `${host}:${port}` }
    }),
    ({ server }) => Effect.promise(() => new Promise((resolve) => server.close(resolve)))
  )

suite("memcached, a process killed while it regenerates", ["memcached"], () => {
  const child = new URL("../support/regenerate.ts", import.meta.url)

  /** Runs a regenerate of `old` to `new` in another process, which is killed when the proxy stops it. */
  const killed = (when: "before" | "after") =>
    Effect.gen(function* () {
      const server = yield* Servers.make()
      const proxy = yield* stopAtCas(server, when)
      const provider = yield* Memcached.make({ url: server.url })
      const created = written(yield* provider.create("old" as SessionProvider.StoredId, bytes("before"), day))
      yield* Effect.promise(async () => {
        const running = spawn(process.execPath, [await bundle(child), proxy.url, created.revision], {
          stdio: "inherit"
        })
        const ended = new Promise((resolve) => running.once("exit", (_, signal) => resolve(signal)))
        await Promise.race([proxy.stopped, ended])
        running.kill("SIGKILL")
        expect(await ended).toBe("SIGKILL")
      })
      return { provider, revision: created.revision }
    })

  killedWhileRegenerating(killed)
})
