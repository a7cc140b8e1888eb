/**
 * Couchbase when something is wrong: what is configured, a cluster that is away or hangs, a process that is killed half-way.
 */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { connect } from "couchbase"
import type { SessionError, SessionProvider } from "effect-session"
import * as Couchbase from "effect-session/couchbase"
import { vi } from "vitest"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Fiber from "#effect/Fiber"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import * as Schedule from "#effect/Schedule"
import * as Scope from "#effect/Scope"
import { describe, expect, it } from "#test/vitest"
import * as Servers from "../servers/Couchbase.js"
import { freePorts, host, until } from "../servers/Process.js"
import { bundle } from "../support/bundle.js"
import { machineTimed } from "../support/machineTime.js"
import { bytes, day, killedWhileRegenerating, newId, textOf, written } from "./cas.js"
import { shared } from "./shared.js"
import { failsInTime, silently } from "./survives.js"

type Provider = SessionProvider.Provider

/** How a build or a call failed, once it did in time: the provider's timeout for connecting, as much for the first answer, and some. */
const fails = <A>(effect: Effect.Effect<A, SessionError>, bound = 3_000) =>
  Effect.map(machineTimed(Effect.flip(effect)), ([took, { message, reason }]) => {
    expect(took).toBeLessThan(bound)
    return `${reason} ${message}`
  })

const building = (options: Couchbase.Options) => Effect.scoped(Couchbase.make({ timeout: "1 second", ...options }))

describe("what Couchbase says", () => {
  /** A collection whose writes are refused. */
  const refusing = (name: string) =>
    Object.assign(Object.create(null), {
      get: () => Promise.reject(Object.assign(new Error("not shown"), { name: "DocumentNotFoundError" })),
      insert: () => Promise.reject(Object.assign(new Error("SECRET"), { name }))
    }) as NonNullable<Couchbase.Options["collection"]>

  it.live.each([
    ["DurabilityImpossibleError", "too few replicas", "lower durability"],
    ["DurabilityAmbiguousError", "not enough replicas confirmed", "may have been made"],
    ["TemporaryFailureError", "out of memory", "more memory"],
    ["AuthenticationFailureError", "refuses this user", "data_writer"],
    ["CollectionNotFoundError", "no such collection", "create it"],
    ["AmbiguousTimeoutError", "AmbiguousTimeoutError", "check that the backend is up and reachable"]
  ] as const)("%s is told in words, with what mends it", ([name, words, advice]) =>
    Effect.gen(function* () {
      const provider = yield* Couchbase.make({ collection: refusing(name) })
      const { message, reason } = yield* Effect.flip(provider.create(newId(), bytes("x"), day))
      expect(reason).toBe("Unavailable")
      expect(message).toMatch(new RegExp(`^couchbase: create failed \\(.*${words}.*\\): .*${advice}`))
      expect(message).not.toContain("SECRET")
    })
  )
})

describe("Couchbase, through connections that are lost", () => {
  const target = shared(Servers.make())

  const opened = Effect.gen(function* () {
    const at = yield* target
    const cluster = yield* Effect.acquireRelease(
      Effect.promise(() => connect(at.url, { username: at.username, password: at.password })),
      (cluster) => Effect.promise(() => cluster.close())
    )
    return cluster.bucket(at.bucket).defaultCollection()
  })

  /** The collection, of which each second write is made, or not, and its reply lost. */
  const lossy = (collection: NonNullable<Couchbase.Options["collection"]>, isMade: boolean) => {
    let calls = 0
    const lost = () => Promise.reject(Object.assign(new Error("SECRET"), { name: "RequestCanceledError" }))
    const losing =
      <Args extends ReadonlyArray<unknown>, A>(call: (...args: Args) => Promise<A>) =>
      async (...args: Args): Promise<A> => {
        if (calls++ % 2 === 1) return call(...args)
        if (isMade) await call(...args)
        return lost()
      }
    return Object.assign(Object.create(null), {
      get: collection.get.bind(collection),
      insert: losing(collection.insert.bind(collection)),
      replace: losing(collection.replace.bind(collection)),
      remove: losing(collection.remove.bind(collection))
    }) as NonNullable<Couchbase.Options["collection"]>
  }

  for (const isMade of [true, false]) {
    it.live(`a write whose reply is lost is made once, ${isMade ? "since it was" : "since it was not yet"}`, () =>
      Effect.gen(function* () {
        const collection = yield* opened
        const provider = yield* Couchbase.make({ collection: lossy(collection, isMade) })
        const [id, next] = [newId(), newId()]
        let { revision } = written(yield* provider.create(id, bytes("0"), day))
        for (const text of ["1", "2", "3"]) {
          revision = written(yield* provider.write(id, bytes(text), day, revision)).revision
          const stored = Option.getOrThrow(yield* provider.read(id))
          expect([stored.revision, textOf(Option.some(stored))]).toEqual([revision, text])
        }
        expect((yield* provider.touch(id, day))._tag).toBe("Touched")
        written(yield* provider.regenerate({ oldId: id, newId: next, payload: bytes("4"), ttl: day, revision }))
        yield* provider.destroy(next)
        expect(Option.isNone(yield* provider.read(next))).toBe(true)
      })
    )
  }

  it.live("a write that comes late, before it is made again, is no conflict: it would be made twice", () =>
    Effect.gen(function* () {
      const collection = yield* opened
      const replace = collection.replace.bind(collection)
      let late: Parameters<typeof replace> | undefined
      const slow = {
        get: collection.get.bind(collection),
        insert: collection.insert.bind(collection),
        replace: async (...args: Parameters<typeof replace>) => {
          if (late === undefined) {
            late = args
            throw Object.assign(new Error("SECRET"), { name: "RequestCanceledError" })
          }
          await replace(...late)
          return replace(...args)
        }
      }
      const provider = yield* Couchbase.make({
        collection: Object.assign(Object.create(null), slow) as NonNullable<Couchbase.Options["collection"]>
      })
      const id = newId()
      const { revision } = written(yield* provider.create(id, bytes("0"), day))
      expect((yield* Effect.flip(provider.write(id, bytes("1"), day, revision))).reason).toBe("Unavailable")
      expect(textOf(yield* provider.read(id))).toBe("1")
    })
  )
})

describe("Couchbase, configured wrongly", () => {
  const target = shared(Servers.make())
  const url = Effect.map(target, (target) => Servers.sessionUrl(target))
  const at = (path: string) => Effect.map(target, (target) => Servers.sessionUrl(target, path))

  it.live.each([
    "",
    "localhost",
    "http://user:password@host/bucket",
    "couchbase://user:password@host",
    "couchbase://user:password@host/",
    "couchbase://user:password@/bucket",
    "couchbase://user:password@host/bucket/scope",
    "couchbase://user:password@host/bucket/scope/collection/more",
    "couchbase://user:pass@word@host/bucket",
    "couchbase://user:pass%word@host/bucket",
    "couchbase://user:password@host,,other/bucket",
    "couchbase://user:password@host:port/bucket",
    "couchbase://user:password@host/b%20t"
  ])("url %j", (url) =>
    Effect.gen(function* () {
      const message = yield* fails(building({ url }))
      expect(message).toContain("InvalidConfig url: expected couchbase://")
      expect(message).not.toMatch(/pass.word/)
    })
  )

  it.live("prefix and durability", () =>
    Effect.gen(function* () {
      expect(yield* fails(building({ url: yield* url, prefix: "a b" }))).toContain("InvalidConfig prefix")
      const durability = "Majority" as Couchbase.Durability
      expect(yield* fails(building({ url: yield* url, durability }))).toContain("InvalidConfig durability")
    })
  )

  it.live("user and password", () =>
    silently(
      Effect.gen(function* () {
        const there = yield* target
        for (const wrong of [{ password: "wrong-secret" }, { username: "stranger" }]) {
          const message = yield* fails(building({ url: Servers.sessionUrl({ ...there, ...wrong }) }))
          expect(message).toMatch(/^InvalidConfig .*AuthenticationFailure/)
          expect(message).not.toContain("secret")
        }
      })
    )
  )

  it.live("a bucket, a scope or a collection that is not there", () =>
    Effect.gen(function* () {
      // The SDK prints that it did not find the bucket.
      const printing = vi.spyOn(console, "error").mockImplementation(() => {})
      for (const path of ["/missing", "/default/app/missing"]) {
        expect(yield* fails(building({ url: yield* at(path) }))).toMatch(
          /^Unavailable couchbase.*has this bucket and collection/
        )
      }
      expect(yield* fails(building({ url: yield* at("/default/missing/sessions") }))).toMatch(
        /^InvalidConfig .*no such bucket, scope or collection \(ScopeNotFoundError\)/
      )
      expect(printing.mock.calls.map(([text]) => text)).toEqual(["failed to open bucket: missing"])
      printing.mockRestore()
    })
  )

  it.live("a scope and a collection of their own hold sessions that the default ones do not", () =>
    Effect.gen(function* () {
      const own = yield* Couchbase.make({ url: yield* at("/default/app/sessions") })
      const other = yield* Couchbase.make({ url: yield* url })
      const id = newId()
      written(yield* own.create(id, bytes("mine"), day))
      expect(textOf(yield* own.read(id))).toBe("mine")
      expect(yield* other.read(id)).toEqual(Option.none())
    })
  )

  for (const durability of ["none", "majority", "majorityAndPersistActive", "persistToMajority"] as const) {
    it.live(`durability ${durability}`, () =>
      Effect.gen(function* () {
        const provider = yield* Couchbase.make({ url: yield* url, durability })
        const [id, next] = [newId(), newId()]
        const { revision } = written(yield* provider.create(id, bytes("1"), day))
        const second = written(yield* provider.write(id, bytes("2"), day, revision))
        written(
          yield* provider.regenerate({
            oldId: id,
            newId: next,
            payload: bytes("3"),
            ttl: day,
            revision: second.revision
          })
        )
        expect(textOf(yield* provider.read(next))).toBe("3")
        yield* provider.destroy(next)
        expect(yield* provider.exists(next)).toBe(false)
      })
    )
  }
})

const operations = (provider: Provider, id: SessionProvider.StoredId, revision: SessionProvider.Revision) => [
  provider.read(id),
  provider.exists(id),
  provider.create(newId(), bytes("x"), day),
  provider.write(id, bytes("x"), day, revision),
  provider.touch(id, day),
  provider.destroy(newId()),
  provider.regenerate({ oldId: id, newId: newId(), payload: bytes("x"), ttl: day, revision })
]

/** The established connections of this machine to a port; the SDK's are in no list of Node's. */
const connectionsTo = (port: string) => {
  const remote = `:${Number(port).toString(16).toUpperCase().padStart(4, "0")} 01 `
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .filter((line) => line.includes(remote)).length
}

describe("Couchbase, away", () => {
  const server = shared(Servers.make())

  /** A provider in a scope of its own, with one session in it. */
  const opened = Effect.gen(function* () {
    const target = yield* server
    const scope = yield* Scope.make()
    const url = Servers.sessionUrl(target)
    // A busy machine may need more than this to connect.
    const provider = yield* Effect.retry(Scope.provide(Couchbase.make({ url, timeout: "500 millis" }), scope), {
      times: 9
    })
    const id = newId()
    const { revision } = written(yield* provider.create(id, bytes("kept"), day))
    return { target, url, scope, provider, id, revision }
  })

  const closesAtOnce = (scope: Scope.Closeable) =>
    Effect.map(machineTimed(Scope.close(scope, Exit.void)), ([took]) => {
      expect(took).toBeLessThan(1_000)
    })

  /** Until it works again by itself. */
  const recovers = <A>(call: Effect.Effect<A, SessionError>) =>
    call.pipe(Effect.retry(Schedule.spaced("100 millis")), Effect.timeout("20 seconds"))

  it.live("a layer whose cluster is not there does not build, and says so", () =>
    silently(
      Effect.gen(function* () {
        const [port] = yield* Effect.promise(() => freePorts(1))
        const message = yield* fails(building({ url: `couchbase://user:password@${host}:${port}/bucket` }))
        expect(message).toMatch(/^Unavailable couchbase: connect failed/)
      })
    )
  )

  for (const [how, away, back] of [
    ["stops", "stop", "start"],
    ["is killed", "kill", "start"],
    ["hangs", "pause", "resume"]
  ] as const) {
    it.live(
      `a cluster that ${how}: each call fails in time, no new layer, and all works again when it is back`,
      () =>
        silently(
          Effect.gen(function* () {
            const { id, provider, revision, scope, target, url } = yield* opened
            yield* target[away]
            for (const call of operations(provider, id, revision)) {
              expect(yield* fails<unknown>(call, 1_500)).toMatch(/^Unavailable couchbase: \w+ failed/)
            }
            yield* Effect.all(
              Array.from({ length: 200 }, () => failsInTime(provider.read(id))),
              { concurrency: "unbounded" }
            )
            expect(yield* fails(building({ url }))).toMatch(/^Unavailable couchbase: connect failed/)
            yield* target[back]
            yield* recovers(provider.read(id))
            const next = newId()
            written(yield* recovers(provider.create(next, bytes("on"), day)))
            expect(textOf(yield* provider.read(next))).toBe("on")
            // The stand-in forgets when it ends, as a bucket in memory does.
            expect(textOf(yield* provider.read(id))).toBe(away === "pause" ? "kept" : undefined)
            yield* closesAtOnce(scope)
          })
        ),
      60_000
    )
  }

  it.live(
    "closes at once while the cluster is there, hangs, is asked, or is stopped; afterwards calls fail",
    () =>
      silently(
        Effect.gen(function* () {
          const there = yield* opened
          yield* closesAtOnce(there.scope)
          yield* failsInTime(there.provider.read(there.id))
          const [hanging, asked] = yield* Effect.all([opened, opened])
          yield* hanging.target.pause
          const asking = yield* Effect.forkChild(
            Effect.all(
              operations(asked.provider, asked.id, asked.revision).map(Effect.result<unknown, SessionError, never>),
              { concurrency: "unbounded" }
            )
          )
          yield* Effect.sleep("50 millis")
          yield* closesAtOnce(asked.scope)
          yield* closesAtOnce(hanging.scope)
          const answers = yield* Effect.timeout(Fiber.join(asking), "2 seconds")
          expect(answers.filter(Result.isSuccess)).toEqual([])
          yield* hanging.target.resume
          const stopped = yield* opened
          yield* stopped.target.stop
          yield* closesAtOnce(stopped.scope)
          yield* stopped.target.start
        })
      ),
    60_000
  )

  it.live("a build that is given up ends at once, and leaves no connection", () =>
    silently(
      Effect.gen(function* () {
        const { scope, target, url } = yield* opened
        const { port } = new URL(target.url)
        const before = connectionsTo(port)
        yield* target.pause
        const connecting = yield* Effect.forkChild(Effect.scoped(Couchbase.make({ url, timeout: "5 seconds" })))
        yield* Effect.sleep("100 millis")
        const [took] = yield* machineTimed(Fiber.interrupt(connecting))
        expect(took).toBeLessThan(1_000)
        yield* target.resume
        // Connected, and waiting for the collection that it has named.
        const missing = Servers.sessionUrl(target, "/default/app/missing")
        const opening = yield* Effect.forkChild(Effect.scoped(Couchbase.make({ url: missing, timeout: "5 seconds" })))
        yield* Effect.promise(() => until(async () => expect(connectionsTo(port)).toBeGreaterThan(before), 5_000))
        yield* Fiber.interrupt(opening)
        yield* Effect.promise(() => until(async () => expect(connectionsTo(port)).toBe(before), 5_000))
        yield* closesAtOnce(scope)
      })
    )
  )
})

describe("Couchbase, a process killed while it regenerates", () => {
  killedWhileRegenerating((when) =>
    Effect.gen(function* () {
      const target = yield* Servers.make()
      const provider = yield* Couchbase.make({ url: Servers.sessionUrl(target) })
      const { revision } = written(yield* provider.create("old" as SessionProvider.StoredId, bytes("before"), day))
      const { bucket, password, url, username } = target
      yield* Effect.promise(async () => {
        const child = await bundle(new URL("../support/regenerateCouchbase.ts", import.meta.url))
        const running = spawn(process.execPath, [child, url, username, password, bucket, revision, when], {
          stdio: ["ignore", "pipe", "inherit"]
        })
        const ended = new Promise((resolve) => running.once("exit", (_, signal) => resolve(signal)))
        const reached = new Promise((resolve) => running.stdout.once("data", resolve))
        await Promise.race([reached, ended])
        running.kill("SIGKILL")
        expect(await ended).toBe("SIGKILL")
      })
      return { provider, revision }
    })
  )
})
