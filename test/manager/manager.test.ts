/**
 * The manager: events, metrics, garbage collection, ids, and that nothing of it tells an id.
 */

import {
  SessionConfig,
  SessionError,
  SessionHttp,
  SessionManager,
  type SessionProvider,
  SessionStore
} from "effect-session"
import * as Memory from "effect-session/memory"
import { signIn } from "effect-session/testing"
import * as Cause from "#effect/Cause"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Fiber from "#effect/Fiber"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Logger from "#effect/Logger"
import * as Metric from "#effect/Metric"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Stream from "#effect/Stream"
import * as Tracer from "#effect/Tracer"
import * as TestClock from "#effect/testing/TestClock"
import * as HttpRouter from "#test/HttpRouter"
import * as Logs from "#test/logs"
import { makeTracer } from "#test/trace"
import { describe, expect, it } from "#test/vitest"
import { makeIds } from "../../src/Manager/SessionId.js"
import { sessionOf } from "../support/events.js"
import { AppSession, managerLayer, probe, serve } from "../support/http.js"
import * as Metrics from "../support/metrics.js"

const idOf = (headers: Record<string, string>) => SessionStore.sessionId(headers["cookie"]!.split("=")[1]!)

const begin = Effect.map(
  signIn(AppSession, (session) => session.set("userId", "ada")),
  idOf
)

describe("ids", () => {
  const ids = (options: SessionConfig.Options["id"] = {}, inherited = 0) =>
    Effect.map(SessionConfig.make({ id: options }), (config) => makeIds(config, { inheritedIdChars: inherited }))

  it.effect("are 256 random bits, never twice", () =>
    Effect.gen(function* () {
      const { check, make } = yield* ids()
      const seen = new Set<string>()
      for (let i = 0; i < 100_000; i++) {
        seen.add(make())
      }
      expect(seen.size).toBe(100_000)
      expect([...seen].every((id) => /^[A-Za-z0-9_-]{43}$/.test(id) && check(id))).toBe(true)
      // Each of the first 42 characters takes all 64 values, so none is fixed or guessable from another.
      const last = [...seen].slice(0, 5_000)
      for (let at = 0; at < 42; at++) {
        expect(new Set(last.map((id) => id[at])).size).toBe(64)
      }
    })
  )

  it.effect("have the length, encoding and prefix that are configured, and only such are accepted", () =>
    Effect.gen(function* () {
      const { check, make } = yield* ids({ bytes: 16, encoding: "hex", prefix: "app-" })
      const id = make()
      expect(id).toMatch(/^app-[0-9a-f]{32}$/)
      expect(check(id)).toBe(true)
      for (const bad of [
        id.slice(4),
        `${id}0`,
        id.toUpperCase(),
        `App${id.slice(3)}`,
        id.replace(/.$/, "g"),
        `${id.slice(0, -1)}\n`
      ]) {
        expect(check(bad)).toBe(false)
      }
    })
  )

  it.effect("are hashed for the backend, but for what a sharded backend needs of them", () =>
    Effect.gen(function* () {
      const plain = yield* ids()
      const id = plain.make()
      expect(plain.stored(id)).toMatch(/^[A-Za-z0-9_-]{43}$/)
      expect(plain.stored(id)).not.toBe(id)
      const sharded = yield* ids({}, 3)
      const next = sharded.make(id)
      expect(next.slice(0, 3)).toBe(id.slice(0, 3))
      expect(next.slice(3)).not.toBe(id.slice(3))
      expect(sharded.stored(next).slice(0, 3)).toBe(id.slice(0, 3))
      expect(sharded.stored(next)).not.toBe(next)
      const raw = yield* ids({ hashed: false })
      expect(raw.stored(id)).toBe(id)
    })
  )

  it.effect("no backend sees one, whatever a session goes through", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const raw: Array<string> = []
      const spy = new Proxy(Memory.make(), {
        get: (target, key) => {
          const value = Reflect.get(target, key)
          return typeof value === "function"
            ? (...args: ReadonlyArray<unknown>) => {
                seen.push(
                  ...args.map((arg) => (arg instanceof Uint8Array ? new TextDecoder().decode(arg) : String(arg)))
                )
                return value(...args)
              }
            : value
        }
      })
      yield* Effect.gen(function* () {
        const id = yield* begin
        raw.push(Redacted.value(id))
        const session = yield* SessionManager.open(AppSession, id)
        yield* session.update("visits", (n) => n + 1)
        yield* session.save
        yield* SessionManager.destroy(id)
      }).pipe(Effect.provide(managerLayer({}, spy)))
      expect(seen.length).toBeGreaterThan(5)
      expect(seen.filter((text) => text.includes(raw[0]!))).toEqual([])
    })
  )
})

describe("outside of requests", () => {
  it.effect("destroys by id, and by the id that list gives", () =>
    Effect.gen(function* () {
      const one = yield* begin
      const two = yield* begin
      yield* SessionManager.destroy(one)
      const listed = Array.from(yield* Stream.runCollect(SessionManager.list))
      expect([listed.length, yield* SessionManager.count]).toEqual([1, 1])
      yield* SessionManager.destroy(listed[0]!)
      expect(yield* SessionManager.count).toBe(0)
      expect((yield* Effect.flip(SessionManager.open(AppSession, two))).reason).toBe("NotFound")
    }).pipe(Effect.provide(managerLayer()))
  )

  it.effect("says what the backend cannot do", () =>
    Effect.gen(function* () {
      expect((yield* Effect.flip(SessionManager.count)).reason).toBe("Unsupported")
      expect((yield* Effect.flip(Stream.runCollect(SessionManager.list))).reason).toBe("Unsupported")
      expect(yield* SessionManager.gc).toBe(0)
    }).pipe(Effect.provide(managerLayer({}, { ...Memory.make(), count: undefined, list: undefined, gc: undefined })))
  )

  it.effect("a save after a destroy elsewhere fails with Gone, and revives nothing", () =>
    Effect.gen(function* () {
      const id = yield* begin
      const session = yield* SessionManager.open(AppSession, id)
      yield* session.set("visits", 5)
      yield* SessionManager.destroy(id)
      expect((yield* Effect.flip(session.save)).reason).toBe("Gone")
      yield* session.save
      expect(yield* SessionManager.count).toBe(0)
    }).pipe(Effect.provide(managerLayer()))
  )

  it.effect("a session over maxBytes fails with TooLarge, and is as it was", () =>
    Effect.gen(function* () {
      const id = yield* begin
      const session = yield* SessionManager.open(AppSession, id)
      yield* session.set("userId", "x".repeat(2_000))
      const error = yield* Effect.flip(session.save)
      expect([error.reason, error.message]).toEqual(["TooLarge", expect.stringContaining("the limit is 1000")])
      const again = yield* SessionManager.open(AppSession, id)
      expect(yield* again.get("userId")).toEqual(Option.some("ada"))
    }).pipe(Effect.provide(managerLayer({ maxBytes: 1_000 })))
  )

  it.effect("after too many conflicts a save fails with Conflict", () =>
    Effect.gen(function* () {
      const memory = Memory.make()
      const contested: SessionProvider.Provider = {
        ...memory,
        write: (id, payload, ttl, revision) =>
          Effect.flatMap(memory.write(id, payload, ttl, revision), () => memory.write(id, payload, ttl, revision))
      }
      yield* Effect.gen(function* () {
        const session = yield* SessionManager.open(AppSession, yield* begin)
        yield* session.set("visits", 1)
        const saving = yield* Effect.forkChild(Effect.flip(session.save))
        yield* TestClock.adjust("1 minute")
        expect((yield* Fiber.join(saving)).reason).toBe("Conflict")
      }).pipe(Effect.provide(managerLayer({}, contested)))
    })
  )
})

describe("garbage collection", () => {
  it.effect("runs for as long as the layer is in use, and survives a failing backend", () =>
    Effect.gen(function* () {
      let down = false
      let runs = 0
      const memory = Memory.make()
      const provider: SessionProvider.Provider = {
        ...memory,
        gc: Effect.suspend(() => {
          runs++
          return down ? Effect.fail(new SessionError({ reason: "Unavailable", message: "away" })) : memory.gc!
        })
      }
      const context = yield* Layer.build(managerLayer({ gcInterval: "1 minute" }, provider))
      yield* TestClock.adjust("10 minutes")
      const before = runs
      expect(before).toBeGreaterThanOrEqual(8)
      expect(before).toBeLessThanOrEqual(13)
      down = true
      yield* TestClock.adjust("5 minutes")
      down = false
      const id = yield* Effect.provide(begin, context)
      yield* TestClock.adjust("40 minutes")
      expect(yield* memory.gc!).toBe(0)
      expect((yield* Effect.flip(Effect.provide(SessionManager.open(AppSession, id), context))).reason).toBe("NotFound")
      return runs
    }).pipe(Effect.provide(Logs.nothing))
  )

  it.effect("ends with the layer", () =>
    Effect.gen(function* () {
      let runs = 0
      const memory = Memory.make()
      const provider = { ...memory, gc: Effect.sync(() => ++runs) }
      yield* Effect.scoped(
        Effect.andThen(Layer.build(managerLayer({ gcInterval: "1 minute" }, provider)), TestClock.adjust("3 minutes"))
      )
      const ended = runs
      yield* TestClock.adjust("1 hour")
      expect(ended).toBeGreaterThan(0)
      expect(runs).toBe(ended)
    })
  )
})

const created = (backend: string) => Metrics.count("session_created_total", "Sessions created", backend)

const live = (backend: string) => Metrics.value("session_live", "Live sessions, when last counted", backend)

describe("events and metrics", () => {
  it.effect("tell what happened, by a name that is not the id", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(managerLayer({ idleTimeout: "10 minutes", gcInterval: "1 minute" }))
      yield* Effect.gen(function* () {
        const collected = yield* Effect.forkChild(Stream.runCollect(Stream.take(SessionManager.events, 8)))
        // Until it has subscribed.
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
        const before = yield* created("memory")
        const id = yield* begin
        const session = yield* SessionManager.open(AppSession, id)
        yield* session.set("visits", 1)
        yield* session.save
        yield* TestClock.adjust("5 minutes")
        const later = yield* SessionManager.open(AppSession, id)
        yield* later.save
        yield* SessionManager.destroy(id)
        yield* Effect.exit(SessionManager.open(AppSession, id))
        yield* session.set("visits", 2)
        yield* Effect.exit(session.save)
        yield* begin
        yield* TestClock.adjust("15 minutes")
        const events = Array.from(yield* Fiber.join(collected))
        expect(events.map(({ _tag }) => _tag)).toEqual([
          "Created",
          "Saved",
          "Touched",
          "Destroyed",
          "Unknown",
          "Gone",
          "Created",
          "Collected"
        ])
        const first = events.slice(0, 6).map(sessionOf)
        expect(new Set(first).size).toBe(1)
        expect(first[0]).toMatch(/^[A-Za-z0-9_-]{12}$/)
        expect(yield* SessionManager.nameOf(id)).toBe(first[0])
        expect(JSON.stringify(events)).not.toContain(Redacted.value(id))
        expect(yield* created("memory")).toBe(before + 2)
      }).pipe(Effect.provide(context))
    })
  )

  it.effect("count for each backend apart", () =>
    Effect.gen(function* () {
      const of = (name: string) => Layer.build(managerLayer({}, { ...Memory.make(), name }))
      const [one, other] = yield* Effect.all([of("one"), of("other")])
      yield* Effect.provide(Effect.andThen(begin, SessionManager.count), one)
      yield* Effect.provide(Effect.andThen(Effect.andThen(begin, begin), SessionManager.count), other)
      expect([yield* created("one"), yield* created("other")]).toEqual([1, 2])
      expect([yield* live("one"), yield* live("other")]).toEqual([1, 2])
    })
  )
})

describe("nothing tells an id or a value", () => {
  it.effect("not the logs, errors, spans, metrics and events of a whole life, with a backend that fails", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const logger = Logger.make((entry) => {
        told.push(...Logs.forms.map((form) => form.log(entry)))
      })
      const tracer = makeTracer((name, { kind, links, parent }) => {
        const span = Tracer.externalSpan({ spanId: "1", traceId: "1" })
        told.push(JSON.stringify([name, [...links]]))
        const attributes: Array<unknown> = []
        return {
          ...span,
          _tag: "Span",
          name,
          parent,
          links,
          kind,
          status: { _tag: "Started", startTime: 0n },
          attributes: new Map(),
          end: (_: bigint, exit: Exit.Exit<unknown, unknown>) =>
            Exit.isFailure(exit) && told.push(JSON.stringify(exit), Cause.pretty(exit.cause)),
          attribute: (key: string, value: unknown) => {
            attributes.push([key, value])
            told.push(`${key}=${JSON.stringify(value)}`)
          },
          event: (name: string, _: bigint, attributes: unknown) => told.push(name, JSON.stringify(attributes)),
          addLinks: () => undefined
        } as unknown as Tracer.Span
      })
      let down = false
      const away = Effect.suspend(() =>
        down ? Effect.fail(new SessionError({ reason: "Unavailable", message: "probe: away" })) : Effect.void
      )
      const { provider } = probe((inner) => ({
        read: (id) => Effect.andThen(away, inner.read(id)),
        write: (...args) => Effect.andThen(away, inner.write(...args))
      }))
      const app = HttpRouter.empty.pipe(
        HttpRouter.get(
          "/login",
          Effect.gen(function* () {
            const session = yield* AppSession
            yield* session.regenerate
            yield* session.set("userId", "secret-value")
            yield* Effect.log("signed in", yield* session.id)
            return HttpServerResponse.empty()
          })
        ),
        HttpRouter.get(
          "/count",
          Effect.as(
            Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1)),
            HttpServerResponse.empty()
          )
        ),
        HttpRouter.get(
          "/die",
          Effect.andThen(
            Effect.flatMap(AppSession, (session) => session.id),
            Effect.die(new Error("no"))
          )
        ),
        HttpRouter.get(
          "/logout",
          Effect.as(
            Effect.flatMap(AppSession, (session) => session.destroy),
            HttpServerResponse.empty()
          )
        ),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const secrets = yield* Effect.gen(function* () {
        const { as, manager, send } = yield* serve(app, {}, provider)
        yield* Stream.runForEach(manager.events, (event) => Effect.sync(() => told.push(JSON.stringify(event)))).pipe(
          Effect.forkScoped
        )
        const first = yield* send("/login")
        const second = yield* as(first.cookie)("/login")
        yield* as(second.cookie)("/count")
        yield* as(first.cookie)("/count")
        yield* as(second.cookie)("/die")
        down = true
        yield* as(second.cookie)("/count")
        down = false
        yield* as(second.cookie)("/logout")
        told.push(JSON.stringify(yield* Metric.snapshot))
        return [first, second].flatMap(({ cookie }) => {
          const id = cookie!.split("=")[1]!
          return [id, id.slice(0, 20)]
        })
      }).pipe(Effect.provide(Logs.replacing(logger)), Effect.provide(Logs.everything), Effect.withTracer(tracer))
      expect(told.length).toBeGreaterThan(20)
      for (const secret of [...secrets, "secret-value"]) {
        expect(told.filter((text) => text.includes(secret))).toEqual([])
      }
    })
  )
})

describe("spans", () => {
  it.effect("are around backend calls, and name operation and backend", () =>
    Effect.gen(function* () {
      const spans: Array<unknown> = []
      const tracer = makeTracer((name, { kind, links, parent, startTime }) => {
        const attributes = new Map<string, unknown>()
        spans.push([name, kind, attributes])
        return {
          ...Tracer.externalSpan({ spanId: "1", traceId: "1" }),
          _tag: "Span",
          name,
          parent,
          links,
          kind,
          status: { _tag: "Started", startTime },
          attributes,
          end: () => undefined,
          attribute: (key: string, value: unknown) => attributes.set(key, value),
          event: () => undefined,
          addLinks: () => undefined
        } as unknown as Tracer.Span
      })
      const { provider } = probe()
      yield* Effect.gen(function* () {
        const session = yield* SessionManager.open(AppSession, yield* begin)
        yield* session.set("visits", 1)
        yield* session.save
      }).pipe(Effect.provide(managerLayer({}, provider)), Effect.withTracer(tracer))
      const attributes = new Map([["session.backend", "memory"]])
      expect(spans).toEqual([
        ["session.create", "client", attributes],
        ["session.read", "client", attributes],
        ["session.write", "client", attributes]
      ])
    })
  )
})
