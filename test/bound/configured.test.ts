/**
 * Where sessions cannot be bound, and what an app is told.
 */
import { SessionCodec, SessionError, SessionManager } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Memory from "effect-session/memory"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { probe, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"
import { app, boundBrowser, browserAt, served } from "./app.js"

const deviceBound = { every: "10 minutes" } as const

/** The error of a manager that cannot be made. */
const wrong = (options: Parameters<typeof SessionManager.make>[0], codec?: SessionCodec.SessionCodec) =>
  SessionManager.make({ deviceBound, ...options }, codec).pipe(
    Effect.provide(Memory.layer()),
    Effect.flip,
    Effect.map(({ message, reason }) => `${reason} ${message}`)
  )

describe("what cannot work fails when a manager is built", () => {
  const cases: ReadonlyArray<readonly [options: Parameters<typeof wrong>[0], message: RegExp]> = [
    [{ cookie: false, header: "x-id" }, /^InvalidConfig cookie: sessions that are bound to a device need it/],
    [{ cookie: { secure: false } }, /^InvalidConfig cookie\.secure: browsers bind sessions only over https/],
    [{ cookie: { sent: false } }, /^InvalidConfig cookie\.sent: /],
    [{ cookie: { domain: "example.org" } }, /^InvalidConfig cookie\.domain: .* one host alone/],
    [{ cookie: { path: "/app" } }, /^InvalidConfig deviceBound\.path: .* only to \/app and below/],
    [{ deviceBound: { path: "session" } }, /deviceBound\.path: expected a path of a name or more/],
    [{ deviceBound: { path: "/" } }, /deviceBound\.path: expected a path/],
    [{ deviceBound: { path: '/a"b' } }, /deviceBound\.path: expected a path/],
    [{ deviceBound: { every: Duration.infinity } }, /deviceBound\.every: expected a finite duration/]
  ]
  for (const [options, message] of cases) {
    it.effect(JSON.stringify(options), () => Effect.map(wrong(options), (text) => expect(text).toMatch(message)))
  }

  it.effect("a path of its own", () =>
    Effect.provide(
      SessionManager.make({ deviceBound: { path: "/app/device" }, cookie: { path: "/app" } }),
      Memory.layer()
    )
  )

  it.effect("a format without notes", () =>
    Effect.map(wrong({}, { ...SessionCodec.json, keepsNotes: false }), (text) =>
      expect(text).toMatch(/^InvalidConfig deviceBound: memory: nobody can sign in/)
    )
  )

  it.effect("sealed cookies", () =>
    Effect.gen(function* () {
      const sealing = yield* Cookie.make({ keys: [key()] })
      const layer = SessionManager.layerSealed({ deviceBound }).pipe(
        Layer.provide(Layer.succeed(Cookie.SealedSessions, sealing))
      )
      const { message } = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      expect(message).toMatch(/^deviceBound: .*clients hold the sessions/)
    })
  )
})

it.effect("an app that does not answer browsers is told once, when somebody signs in", () =>
  Effect.gen(function* () {
    const { layer, logged } = collectLogs()
    const without = yield* Effect.provide(serve(app, { deviceBound }), layer)
    yield* browserAt(without).ask("/count")
    expect(logged).toEqual([])
    yield* browserAt(without).ask("/in?user=ada")
    yield* browserAt(without).ask("/in?user=bob")
    expect(logged).toEqual([expect.stringContaining("no request has come through SessionHttp.deviceBound")])

    const other = collectLogs()
    const server = yield* Effect.provide(serve(served, { deviceBound }), other.layer)
    yield* boundBrowser(server)
    expect(other.logged).toEqual([])
  })
)

it.effect("without the option nothing is offered, and the path is the app's", () =>
  Effect.gen(function* () {
    const server = yield* serve(served)
    const browser = browserAt(server)
    const { headers, setCookie } = yield* browser.ask("/in?user=ada")
    expect([headers["secure-session-registration"], setCookie.length]).toEqual([undefined, 1])
    // The app dies of a path that it does not know.
    expect((yield* browser.register()).status).toBe(500)
  })
)

it.effect("a backend that cannot be reached is a 503, with which browsers keep their binding", () =>
  Effect.gen(function* () {
    let isDown = false
    const unavailable = new SessionError({ reason: "Unavailable", message: "down" })
    const { provider } = probe(({ read, write }) => ({
      read: (id) => (isDown ? Effect.fail(unavailable) : read(id)),
      write: (...args) => (isDown ? Effect.fail(unavailable) : write(...args))
    }))
    const server = yield* serve(served, { deviceBound }, provider)
    const browser = yield* boundBrowser(server)
    isDown = true
    for (const proof of [undefined, browser.proof(browser.challenge!)]) {
      const { headers, setCookie, status } = yield* browser.renew(proof)
      expect([status, headers["secure-session-challenge"], setCookie]).toEqual([503, undefined, []])
    }
    isDown = false
    expect((yield* browser.refresh()).status).toBe(200)
  })
)

it.effect("a refresh is no use of the session: its end does not move", () =>
  Effect.gen(function* () {
    const ends: Array<number> = []
    const { provider } = probe(({ write }) => ({
      write: (...args) =>
        Effect.tap(write(...args), (result) =>
          Effect.sync(() => result._tag === "Written" && ends.push(result.expiresAt))
        )
    }))
    const server = yield* serve(served, { deviceBound }, provider)
    const browser = yield* boundBrowser(server)
    yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
    yield* browser.refresh()
    yield* browser.refresh()
    expect(ends).toHaveLength(3)
    expect(ends.map((end) => Math.abs(end - ends[0]!) < 2)).toEqual([true, true, true])
  })
)

it.effect("a page that a link on another site opens without a proof loads itself again, once", () =>
  Effect.gen(function* () {
    const server = yield* serve(served, { deviceBound })
    const browser = yield* boundBrowser(server)
    browser.forget()
    const link = {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document"
    }
    for (const path of ["/look", "/count"]) {
      const { body, headers, setCookie, status } = yield* browser.ask(path, { headers: link })
      // No bytes, in chunks.
      expect([
        status,
        body.replace(/^0\r\n\r\n$/, ""),
        headers["refresh"],
        headers["cache-control"],
        setCookie
      ]).toEqual([200, "", "0", "no-store", []])
    }
    const others = [
      { ...link, "sec-fetch-site": "same-origin" },
      { ...link, "sec-fetch-dest": "iframe" },
      { ...link, "secure-session-skipped": "unreachable" }
    ]
    for (const headers of others) {
      const answer = yield* browser.ask("/look", { headers })
      expect([answer.body, answer.headers["refresh"]]).toEqual(["nobody 0", undefined])
    }
    yield* browser.refresh()
    expect((yield* browser.ask("/look", { headers: link })).body).toBe("ada 0")
  })
)

it.effect("what a backend keeps of a binding that is none is no session", () =>
  Effect.gen(function* () {
    const memory = Memory.make()
    const server = yield* serve(served, { deviceBound }, memory)
    const browser = yield* boundBrowser(server)
    const bindings: ReadonlyArray<unknown> = [
      null,
      "x",
      {},
      { secret: 1, until: 1, used: [] },
      { secret: "a", until: 1, used: [1] }
    ]
    const listed = Effect.flatMap(SessionManager.SessionManager, () => Stream.runCollect(SessionManager.list))
    const [id] = Array.from(yield* Effect.provideService(listed, SessionManager.SessionManager, server.manager))
    const { payload, revision } = Option.getOrThrow(yield* memory.read(id!))
    const record = JSON.parse(Buffer.from(payload).toString())
    for (const binding of bindings) {
      const torn = { ...record, o: { ...record.o, binding } }
      expect(SessionCodec.json.decode(Buffer.from(JSON.stringify(torn)))).toBeUndefined()
    }
    expect(SessionCodec.json.decode(payload)?.owner?.binding?.key).toBeDefined()
    // A key that is none proves nothing.
    const odd = { ...record, o: { ...record.o, binding: { ...record.o.binding, key: "AAAA" } } }
    yield* memory.write(id!, Buffer.from(JSON.stringify(odd)), Duration.minutes(5), revision)
    expect((yield* browser.refresh()).status).toBe(401)
  })
)
