/**
 * A trial session, when a manager's layer is built and for `health`: what a backend refuses shows before the first
 * request of a user, in the backend's words.
 */

import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type SessionConfig, SessionError, SessionManager, SessionProvider } from "effect-session"
import * as Beego from "effect-session/beego"
import * as Cookie from "effect-session/cookie"
import * as File from "effect-session/file"
import * as Memory from "effect-session/memory"
import { signIn } from "effect-session/testing"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { AppSession, managerLayer } from "../support/http.js"

const operations = ["create", "read", "touch", "write", "regenerate", "destroy"] as const

/** A server, and the ids that it was asked for. `broken` replaces its answers, once it is set. */
const server = (capabilities: Partial<SessionProvider.Capabilities> = {}) => {
  const memory = Memory.make()
  const state = {
    ids: new Set<string>(),
    calls: 0,
    broken: undefined as
      | ((operation: string, call: Effect.Effect<unknown, SessionError>) => Effect.Effect<unknown, SessionError>)
      | undefined
  }
  const remote: SessionProvider.Provider = {
    ...memory,
    name: "far",
    capabilities: { ...memory.capabilities, inProcess: false, durable: true, ...capabilities },
    create: (id, payload, ttl) => {
      state.ids.add(id)
      return memory.create(id, payload, ttl)
    },
    regenerate: (move) => {
      state.ids.add(move.newId)
      return memory.regenerate(move)
    }
  }
  const provider: SessionProvider.Provider = {
    ...remote,
    ...SessionProvider.mapCalls<SessionError>(
      remote,
      (operation) => (call) =>
        Effect.suspend(() => {
          state.calls++
          return (state.broken?.(operation, call) as typeof call | undefined) ?? call
        }),
      (list) => list
    )
  }
  return { provider, state }
}

const refusing = (refused: string) => (operation: string, call: Effect.Effect<unknown, SessionError>) =>
  operation === refused
    ? Effect.fail(new SessionError({ reason: "Unavailable", message: `far: ${operation} failed (NOPERM): run ACL` }))
    : call

const built = (provider: SessionProvider.Provider | Cookie.Sealing, options: SessionConfig.Options = {}) =>
  Effect.scoped(Layer.build(managerLayer(options, provider)))

describe("the trial", () => {
  it.live.each(operations)(
    "a backend that refuses to %s: no layer is built, and the error says what it said",
    (operation) =>
      Effect.gen(function* () {
        const { provider, state } = server()
        state.broken = refusing(operation)
        const { message, reason } = yield* Effect.flip(built(provider))
        expect([reason, message]).toEqual(["Unavailable", `far: ${operation} failed (NOPERM): run ACL`])
      })
  )

  it.live.each(operations)("a backend that does not answer to %s is waited for no longer than timeout", (operation) =>
    Effect.gen(function* () {
      const { provider, state } = server()
      state.broken = (asked, call) => (asked === operation ? Effect.never : call)
      const { message } = yield* Effect.flip(built(provider, { timeout: "100 millis" }))
      expect(message).toBe(`far: ${operation}: no answer within 100ms: check that the backend is up and reachable`)
    })
  )

  it.live("a backend whose calls are each in time must be in time with all of them", () =>
    Effect.gen(function* () {
      const { provider, state } = server({ answersWithin: 90 })
      state.broken = (_, call) => Effect.delay(call, "80 millis")
      const { message } = yield* Effect.flip(built(provider, { timeout: "200 millis" }))
      expect(message).toContain("no answer within 200ms")
    })
  )

  it.live("a backend that keeps nothing, or does not end what it keeps", () =>
    Effect.gen(function* () {
      const forgetful = server()
      forgetful.state.broken = (operation, call) => (operation === "read" ? Effect.succeed(Option.none()) : call)
      expect((yield* Effect.flip(built(forgetful.provider))).message).toMatch(/^far: read: .* is not there: /)
      const keeping = server()
      keeping.state.broken = (operation, call) => (operation === "destroy" ? Effect.void : call)
      expect((yield* Effect.flip(built(keeping.provider))).message).toMatch(/^far: destroy: .* is still there: /)
    })
  )

  it.live("a defect of the backend's code tells no id", () =>
    Effect.gen(function* () {
      const { provider, state } = server()
      state.broken = (operation, call) =>
        operation === "write" ? Effect.die(new RangeError(`broken: ${[...state.ids].join()}`)) : call
      const cause = yield* Effect.flip(Effect.sandbox(built(provider)))
      expect(String(cause)).toContain("far: write died of RangeError")
      expect([...state.ids].filter((id) => String(cause).includes(id))).toEqual([])
    })
  )

  it.live("its ids are like those of sessions, and it leaves no session, event or count", () =>
    Effect.gen(function* () {
      for (const [id, form] of [
        [{}, /^[A-Za-z0-9_-]{43}$/],
        [{ bytes: 16, encoding: "hex", prefix: "app-", hashed: false }, /^app-[0-9a-f]{32}$/]
      ] as const) {
        const { provider, state } = server({ inheritedIdChars: 2 })
        const seen = yield* Effect.gen(function* () {
          const manager = yield* SessionManager.SessionManager
          const events: Array<string> = []
          yield* Effect.forkScoped(
            Stream.runForEach(manager.events, (event) => Effect.sync(() => events.push(event._tag)))
          )
          yield* Effect.sleep("10 millis")
          yield* manager.health
          yield* signIn(AppSession, (session) => session.set("userId", "ada"))
          yield* Effect.sleep("10 millis")
          return { events, sessions: [...(yield* Stream.runCollect(manager.list))].length }
        }).pipe(Effect.provide(managerLayer({ id }, provider)))
        expect(seen).toEqual({ events: ["Created"], sessions: 1 })
        expect(state.ids.size).toBe(5)
        expect([...state.ids].every((id) => form.test(id))).toBe(true)
      }
    })
  )

  it.live("health follows what becomes of the backend", () =>
    Effect.gen(function* () {
      const { provider, state } = server()
      yield* Effect.gen(function* () {
        yield* SessionManager.health
        state.broken = refusing("regenerate")
        expect((yield* Effect.flip(SessionManager.health)).message).toBe("far: regenerate failed (NOPERM): run ACL")
        state.broken = undefined
        yield* SessionManager.health
      }).pipe(Effect.provide(managerLayer({}, provider)))
    })
  )

  it.live("the provider of the revocations of sealed cookies is tried out, too", () =>
    Effect.gen(function* () {
      const { provider, state } = server()
      const sealing = yield* Cookie.make({ keys: [key()], revocations: provider })
      yield* built(sealing, { id: { hashed: false, prefix: "app-" } })
      expect(state.ids.size).toBe(2)
      expect([...state.ids].every((id) => /^[A-Za-z0-9_-]{43}$/.test(id))).toBe(true)
      state.broken = refusing("create")
      expect((yield* Effect.flip(built(sealing))).message).toBe("far: create failed (NOPERM): run ACL")
      yield* built(yield* Cookie.make({ keys: [key()] }))
    })
  )

  it.live("memory that is full keeps its sessions", () =>
    Effect.gen(function* () {
      const memory = Memory.make({ maxSessions: 2 })
      yield* Effect.gen(function* () {
        yield* signIn(AppSession, (session) => session.set("userId", "ada"))
        yield* signIn(AppSession, (session) => session.set("userId", "bob"))
        yield* SessionManager.health
        expect(yield* SessionManager.count).toBe(2)
      }).pipe(Effect.provide(managerLayer({}, memory)))
    })
  )

  it.live("files in beego's layout and in this one's: nothing is left of it but what soon goes", () =>
    Effect.gen(function* () {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-session-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const own = yield* File.make({ directory: join(directory, "own") })
      yield* Effect.flatMap(SessionManager.count, (count) => Effect.sync(() => expect(count).toBe(0))).pipe(
        Effect.provide(managerLayer({}, own))
      )
      yield* Effect.scoped(
        Layer.build(
          Beego.layer("file", {
            cookieName: "id",
            enableSetCookie: true,
            gclifetime: 3600,
            providerConfig: join(directory, "theirs")
          })
        )
      )
      expect(
        readdirSync(join(directory, "theirs"), { recursive: true, withFileTypes: true }).filter((f) => f.isFile())
      ).toEqual([])
    })
  )
})
