/**
 * Sessions that browsers hold, over real HTTP: several cookies, parts that get lost or mixed up, and what an ended session's cookies
 * are still good for.
 */

import {
  type SessionConfig,
  SessionError,
  SessionHttp,
  SessionLayer,
  SessionManager,
  SessionStore
} from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Memory from "effect-session/memory"
import { signIn } from "effect-session/testing"
import { errorOf } from "#dialect/result"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Deferred from "#effect/Deferred"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Result from "#effect/Result"
import * as Schema from "#effect/Schema"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import * as HttpRouter from "#test/HttpRouter"
import { answering } from "#test/socket"
import { describe, expect, it } from "#test/vitest"
import { key, request, visitor } from "../support/cookies.js"
import { sessionOf } from "../support/events.js"
import { serve } from "../support/http.js"

class Notes extends SessionStore.Tag<Notes>()("Notes", {
  text: Schema.String,
  visits: SessionStore.field(Schema.Natural, { default: () => 0 })
}) {}

const ok = HttpServerResponse.text("ok")

/** What a handler waits for, after it has read the session. */
type Gate = Effect.Effect<void>

const appWith = (gate: Gate) =>
  HttpRouter.empty.pipe(
    HttpRouter.get(
      "/read",
      Effect.gen(function* () {
        const session = yield* Notes
        const text = Option.getOrElse(yield* session.get("text"), () => "")
        return HttpServerResponse.text(`${text.length} ${yield* session.get("visits")}`)
      })
    ),
    HttpRouter.get(
      "/count",
      Effect.flatMap(Notes, (session) =>
        Effect.as(
          session.update("visits", (n) => n + 1),
          ok
        )
      )
    ),
    // `/keep?bytes=1000` keeps as much text.
    HttpRouter.get(
      "/keep",
      Effect.gen(function* () {
        const { url } = yield* HttpServerRequest.HttpServerRequest
        yield* (yield* Notes).set("text", "x".repeat(Number(url.split("=")[1])))
        return ok
      })
    ),
    HttpRouter.get(
      "/saved",
      Effect.gen(function* () {
        const session = yield* Notes
        yield* session.set("text", "x".repeat(20_000))
        const saved = yield* Effect.result(session.save)
        yield* session.set("text", "small")
        return HttpServerResponse.text(Result.isFailure(saved) ? errorOf(saved).reason : "saved")
      })
    ),
    HttpRouter.get(
      "/login",
      Effect.gen(function* () {
        const session = yield* Notes
        yield* session.regenerate
        yield* session.set("text", "signed in")
        return HttpServerResponse.text(Redacted.value(yield* session.id))
      })
    ),
    // As long as the gate is closed: requests under way.
    HttpRouter.get(
      "/slow/read",
      Effect.flatMap(Notes, (session) => Effect.as(Effect.andThen(session.get("visits"), gate), ok))
    ),
    HttpRouter.get(
      "/slow/count",
      Effect.flatMap(Notes, (session) =>
        Effect.gen(function* () {
          yield* session.get("visits")
          yield* gate
          yield* session.update("visits", (n) => n + 1)
          return ok
        })
      )
    ),
    HttpRouter.get(
      "/slow/login",
      Effect.flatMap(Notes, (session) =>
        Effect.gen(function* () {
          yield* session.get("visits")
          yield* gate
          yield* session.regenerate
          yield* session.set("text", "signed in")
          return ok
        })
      )
    ),
    HttpRouter.get(
      "/spend",
      Effect.flatMap(Notes, (session) =>
        Effect.match(
          session.updateAndSave("visits", (n) => n + 1),
          {
            onFailure: ({ reason }) => HttpServerResponse.text(reason),
            onSuccess: (visits) => HttpServerResponse.text(String(visits))
          }
        )
      )
    ),
    // Each message names what to do with the session before it is saved; the answer is what `save` says.
    HttpRouter.get(
      "/socket",
      Effect.gen(function* () {
        const session = yield* Notes
        const commands: Record<string, Effect.Effect<unknown, SessionError>> = {
          read: session.get("text"),
          set: session.set("text", "changed"),
          touch: session.touch,
          destroy: session.destroy
        }
        return yield* answering((command) =>
          Effect.match(Effect.andThen(commands[command]!, session.save), {
            onFailure: ({ reason }): string => reason,
            onSuccess: () => "saved"
          })
        )
      })
    ),
    HttpRouter.get(
      "/id",
      Effect.map(
        Effect.flatMap(Notes, (session) => session.id),
        (id) => HttpServerResponse.text(Redacted.value(id))
      )
    ),
    HttpRouter.get(
      "/logout",
      Effect.flatMap(Notes, (session) => Effect.as(session.destroy, ok))
    ),
    HttpRouter.use(SessionHttp.middleware(Notes))
  )

const app = appWith(Effect.void)

const begin = (options: SessionConfig.Options = {}, cookie: Omit<Cookie.Options, "keys"> = {}, served = app) =>
  Effect.gen(function* () {
    const sealing = yield* Cookie.make({ ...cookie, keys: [key()] })
    const server = yield* serve(served, options, sealing)
    return { server, ...visitor(server) }
  })

describe("several cookies", () => {
  const longest = { domain: `${"a".repeat(60)}.example.org`, path: `/${"p".repeat(200)}`, maxAge: "30 days" } as const

  for (const [name, options] of [
    ["plain", {}],
    ["with long attributes", { cookie: longest }]
  ] as const) {
    it.effect(`each of 4,096 bytes at most with name and attributes, one line each, ${name}`, () =>
      Effect.gen(function* () {
        for (const bytes of [1, 2_900, 3_000, 6_000, 9_000, 10_240]) {
          const { cookies, get } = yield* begin(options)
          const { setCookie } = yield* get(`/keep?bytes=${bytes}`)
          expect(setCookie.length).toBe(cookies.size)
          expect(new Set(setCookie.map((line) => line.replace(/^[^;]*/, ""))).size).toBe(1)
          for (const line of setCookie) {
            expect(line.length).toBeLessThanOrEqual(4096)
          }
          expect((yield* get("/read")).body).toBe(`${bytes} 0`)
        }
      })
    )
  }

  it.effect("are sent if something changed, and only then", () =>
    Effect.gen(function* () {
      const { get } = yield* begin()
      expect((yield* get("/read")).setCookie).toEqual([])
      yield* get("/keep?bytes=5000")
      expect((yield* get("/read")).setCookie).toEqual([])
      expect((yield* get("/count")).setCookie.length).toBe(2)
    })
  )

  it.effect("that are no longer needed are expired, with the same attributes, and no others", () =>
    Effect.gen(function* () {
      const { cookies, get } = yield* begin({ cookie: { domain: "example.org" } })
      yield* get("/keep?bytes=10000")
      expect([...cookies.keys()]).toEqual(["", ".1", ".2", ".3"].map((part) => `__Secure-id${part}`))
      const shrunk = yield* get("/keep?bytes=4000")
      expect([...cookies.keys()]).toEqual(["__Secure-id", "__Secure-id.1"])
      const attributes = (line: string) => line.replace(/^[^;]*/, "").replace(/; (Max-Age|Expires)=[^;]*/g, "")
      expect(new Set(shrunk.setCookie.map(attributes)).size).toBe(1)
      expect(shrunk.setCookie.length).toBe(4)
      expect((yield* get("/read")).body).toBe("4000 0")
      yield* get("/logout")
      expect([...cookies.keys()]).toEqual([])
    })
  )

  it.effect("of which one is lost, altered or of another answer are no session, and are replaced", () =>
    Effect.gen(function* () {
      const { cookies, get, header, server } = yield* begin()
      yield* get("/keep?bytes=6000")
      const old = new Map(cookies)
      yield* get("/count")
      const whole = new Map(cookies)
      const read = (header: string) =>
        Effect.map(request(server, "/read", header), ({ body, status }) => [status, body])
      expect(yield* read(header())).toEqual([200, "6000 1"])
      for (const name of whole.keys()) {
        for (const change of [
          () => cookies.delete(name),
          () => cookies.set(name, old.get(name)!),
          () => cookies.set(name, ""),
          () => cookies.set(name, `${whole.get(name)!.slice(0, -1)}!`)
        ]) {
          for (const [name, value] of whole) cookies.set(name, value)
          change()
          expect(yield* read(header())).toEqual([200, "0 0"])
        }
      }
      // The rest of a broken session is taken away with the next one's first cookie.
      for (const [name, value] of whole) cookies.set(name, value)
      cookies.delete("__Host-id.1")
      yield* get("/count")
      expect([...cookies.keys()]).toEqual(["__Host-id"])
      expect((yield* get("/read")).body).toBe("0 1")
    })
  )

  it.effect("that are left of another answer do no harm", () =>
    Effect.gen(function* () {
      const { cookies, get } = yield* begin()
      yield* get("/keep?bytes=6000")
      const parts = [...cookies.values()]
      for (const bytes of [100, 4_000]) {
        yield* get(`/keep?bytes=${bytes}`)
        for (const stray of [...parts, "x", "2.x", ""]) {
          for (let place = bytes === 100 ? 1 : 2; place < 5; place++) {
            const name = `__Host-id.${place}`
            cookies.set(name, stray)
            expect((yield* get("/read")).body).toBe(`${bytes} 0`)
            cookies.delete(name)
          }
        }
      }
    })
  )

  it.effect("of two answers that mix in the browser are the session of the last one, whichever it is", () =>
    Effect.gen(function* () {
      for (const [first, second, read] of [
        ["/keep?bytes=4000", "/count", "10 1"],
        ["/count", "/keep?bytes=4000", "4000 0"],
        ["/keep?bytes=7000", "/keep?bytes=4000", "4000 0"],
        ["/keep?bytes=4000", "/keep?bytes=7000", "7000 0"]
      ] as const) {
        const { get, header, keep, server } = yield* begin()
        yield* get("/keep?bytes=10")
        const before = header()
        const answers = [yield* request(server, first, before), yield* request(server, second, before)]
        for (const answer of answers) keep(answer)
        expect((yield* get("/read")).body, `${first} ${second}`).toBe(read)
      }
    })
  )

  it.effect(
    "are found among others, whatever their order, and as many as a header has room for cost next to nothing",
    () =>
      Effect.gen(function* () {
        const { cookies, server, get } = yield* begin()
        yield* get("/keep?bytes=6000")
        const shuffled = ["a=1", ...[...cookies].reverse().map(([name, value]) => `${name}=${value}`), "__Host-id.x=2"]
        expect((yield* request(server, "/read", shuffled.join("; "))).body).toBe("6000 0")
        const many = Array.from({ length: 900 }, (_, i) => `__Host-id.${i}=`).join("; ")
        const before = process.cpuUsage()
        expect((yield* request(server, "/read", many)).body).toBe("0 0")
        const { system, user } = process.cpuUsage(before)
        expect((user + system) / 1000).toBeLessThan(1_000)
      })
  )
})

describe("a session that does not fit", () => {
  it.effect("is an error before anything is sent, and the session stays what it was", () =>
    Effect.gen(function* () {
      const { get } = yield* begin()
      yield* get("/keep?bytes=100")
      const refused = yield* get("/keep?bytes=11000")
      expect([refused.status, refused.setCookie]).toEqual([500, []])
      expect((yield* get("/read")).body).toBe("100 0")
    })
  )

  it.effect("is told as TooLarge to the handler that saves it, which can go on", () =>
    Effect.gen(function* () {
      const { get } = yield* begin()
      expect((yield* get("/saved")).body).toBe("TooLarge")
      expect((yield* get("/read")).body).toBe("5 0")
    })
  )
})

describe("lifetimes, from inside the seal", () => {
  it.effect("idle and absolute timeouts end a session, whatever the client keeps", () =>
    Effect.gen(function* () {
      const { get } = yield* begin({ idleTimeout: "30 minutes", absoluteTimeout: "2 hours" })
      yield* get("/count")
      yield* TestClock.adjust(Duration.minutes(29))
      const renewed = yield* get("/read")
      expect(renewed.body).toBe("0 1")
      expect(renewed.setCookie.length).toBe(1)
      for (let i = 0; i < 3; i++) {
        yield* TestClock.adjust(Duration.minutes(29))
        expect((yield* get("/read")).body).toBe("0 1")
      }
      // 116 minutes: the last renewal did not go past the absolute end.
      yield* TestClock.adjust(Duration.minutes(4))
      expect((yield* get("/read")).body).toBe("0 0")
      yield* get("/count")
      yield* TestClock.adjust(Duration.minutes(30))
      expect((yield* get("/read")).body).toBe("0 0")
    })
  )

  it.effect("renewal is throttled: requests that only read send no cookie until a tenth has passed", () =>
    Effect.gen(function* () {
      const { get } = yield* begin({ idleTimeout: "30 minutes" })
      yield* get("/count")
      for (let i = 0; i < 5; i++) {
        expect((yield* get("/read")).setCookie).toEqual([])
      }
      yield* TestClock.adjust("4 minutes")
      expect((yield* get("/read")).setCookie.length).toBe(1)
      expect((yield* get("/read")).setCookie).toEqual([])
    })
  )
})

describe("the id", () => {
  it.effect(
    "is the session's own: the same over writes, another after regenerate, and nothing a client could send",
    () =>
      Effect.gen(function* () {
        const { cookies, get, server } = yield* begin()
        yield* get("/count")
        const { body: id } = yield* get("/id")
        yield* get("/count")
        expect((yield* get("/id")).body).toBe(id)
        const { body: next } = yield* get("/login")
        expect(next).not.toBe(id)
        expect((yield* get("/id")).body).toBe(next)
        expect((yield* get("/read")).body).toBe("9 2")
        expect(cookies.get("__Host-id")).not.toContain(next)
        expect((yield* request(server, "/read", `__Host-id=${next}`)).body).toBe("0 0")
      })
  )
})

describe("the cookies of an ended session, sent again", () => {
  const replayed = (path: string, cookie: Omit<Cookie.Options, "keys">) =>
    Effect.gen(function* () {
      const { get, header, server } = yield* begin({}, cookie)
      yield* get("/count")
      const stolen = header()
      yield* get(path)
      return yield* Effect.map(request(server, "/read", stolen), ({ body }) => body)
    })

  for (const [path, what] of [
    ["/logout", "ended"],
    ["/login", "regenerated"]
  ] as const) {
    it.effect(`are no session if it was ${what} and there are revocations`, () =>
      Effect.map(replayed(path, { revocations: Memory.make() }), (body) => expect(body).toBe("0 0"))
    )
    // What docs/providers/cookie.md warns of.
    it.effect(`are still the session if it was ${what} and there are none`, () =>
      Effect.map(replayed(path, {}), (body) => expect(body).toBe("0 1"))
    )
  }

  it.effect("are no session once their time is over, revocations or not", () =>
    Effect.gen(function* () {
      const { get, header, server } = yield* begin({ idleTimeout: "30 minutes" })
      yield* get("/count")
      const stolen = header()
      yield* get("/logout")
      yield* TestClock.adjust("30 minutes")
      expect((yield* request(server, "/read", stolen)).body).toBe("0 0")
    })
  )
})

/** A gate that opens once so many requests are at it or, with `open`, by hand; `waiting` is when the first one is there. */
const makeGate = (requests: number) =>
  Effect.gen(function* () {
    const opened = yield* Deferred.make<void>()
    const waiting = yield* Deferred.make<void>()
    let arrived = 0
    const open = Effect.asVoid(Deferred.succeed(opened, undefined))
    const gate: Gate = Effect.suspend(() => {
      arrived++
      return Effect.all([Deferred.succeed(waiting, undefined), arrived >= requests ? open : Effect.void], {
        discard: true
      })
    }).pipe(Effect.andThen(Deferred.await(opened)))
    return { gate, open, waiting: Deferred.await(waiting) }
  })

describe.each([
  ["in one process", () => ({})],
  ["with revocations", () => ({ revocations: Memory.make() })]
] as const)("what one request has ended, others that are under way do not bring back, %s", (_, options) => {
  for (const [slow, what] of [
    ["/slow/count", "writes"],
    ["/slow/read", "renews the lifetime"]
  ] as const) {
    for (const [path, then] of [
      ["/logout", "0 0"],
      ["/login", "9 1"]
    ] as const) {
      it.effect(`a slow answer that ${what} does not undo ${path}`, () =>
        Effect.gen(function* () {
          const { gate, open, waiting } = yield* makeGate(Number.POSITIVE_INFINITY)
          const { get } = yield* begin({}, options(), appWith(gate))
          yield* get("/count")
          yield* TestClock.adjust("10 minutes")
          const answer = yield* Effect.forkChild(get(slow))
          yield* waiting
          yield* get(path)
          yield* open
          expect((yield* Fiber.join(answer)).setCookie).toEqual([])
          expect((yield* get("/read")).body).toBe(then)
        })
      )
    }
  }

  it.effect("a browser that sends a sign-in and three writing requests is signed in, 150 of 150 times", () =>
    Effect.gen(function* () {
      const { server } = yield* begin({}, options())
      const pause = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, Math.random() * 8)))
      let signedIn = 0
      for (let i = 0; i < 150; i++) {
        const { get, header, keep } = visitor(server)
        yield* get("/count")
        const before = header()
        yield* Effect.forEach(
          ["/login", "/count", "/count", "/count"],
          (path) => Effect.map(Effect.andThen(pause, request(server, path, before)), keep),
          { concurrency: "unbounded" }
        )
        signedIn += (yield* get("/read")).body.startsWith("9 ") ? 1 : 0
      }
      expect(signedIn).toBe(150)
    })
  )

  it.effect("both answers to a double click on sign-in leave the browser signed in", () =>
    Effect.gen(function* () {
      const { gate } = yield* makeGate(2)
      const { get, header, server } = yield* begin({}, options(), appWith(gate))
      yield* get("/count")
      const click = request(server, "/slow/login", header())
      const answers = yield* Effect.all([click, click], { concurrency: "unbounded" })
      const browsers = answers.map((answer) => {
        const browser = visitor(server)
        browser.keep(answer)
        return browser
      })
      for (const browser of browsers) {
        expect((yield* browser.get("/read")).body).toMatch(/^9 /)
      }
      const ids = yield* Effect.forEach(browsers, (browser) => Effect.map(browser.get("/id"), ({ body }) => body))
      expect(ids[0]).not.toBe(ids[1])
    })
  )
})

describe("what only a server could promise", () => {
  it.effect("is refused: an update that no other request may see the same of", () =>
    Effect.gen(function* () {
      for (const options of [{}, { revocations: Memory.make() }]) {
        const { get } = yield* begin({}, options)
        yield* get("/count")
        expect((yield* get("/spend")).body).toBe("Unsupported")
        expect((yield* get("/read")).body).toBe("0 1")
      }
    })
  )
})

describe("without a request", () => {
  const cookieLayer = SessionLayer.cookie({ keys: [key()] })

  it.effect("there is nothing to open or destroy by id, and both say so", () =>
    Effect.gen(function* () {
      const id = SessionStore.sessionId("A".repeat(43))
      for (const attempt of [SessionManager.open(Notes, id), SessionManager.destroy(id)]) {
        const result = yield* Effect.flip<unknown, SessionError, SessionManager.SessionManager>(attempt)
        expect(result instanceof SessionError && result.reason).toBe("Unsupported")
      }
    }).pipe(Effect.provide(cookieLayer))
  )

  it.effect("signIn makes the cookies of a visitor", () =>
    Effect.gen(function* () {
      const { server } = yield* begin()
      const { cookie } = yield* Effect.provideService(
        signIn(Notes, (session) => session.set("text", "x".repeat(7_000))),
        SessionManager.SessionManager,
        server.manager
      )
      expect((yield* request(server, "/read", cookie)).body).toBe("7000 0")
    })
  )
})

describe("a WebSocket, which has no response to set cookies by", () => {
  /** What `save` says after a command, on a socket of a visitor with a session. */
  const saved = (command: string, cookie: Omit<Cookie.Options, "keys"> = {}) =>
    Effect.gen(function* () {
      const { get, header, server } = yield* begin({}, cookie)
      yield* get("/keep?bytes=4")
      const { WebSocket } = yield* Effect.promise(() => import("ws"))
      const answer = yield* Effect.promise(
        () =>
          new Promise<string>((resolve, reject) => {
            const ws = new WebSocket(`${server.url.replace("http", "ws")}/socket`, { headers: { cookie: header() } })
            ws.once("error", reject)
            ws.once("open", () => ws.send(command))
            ws.once("message", (data) => {
              ws.close()
              resolve(String(data))
            })
          })
      )
      return { answer, read: (yield* get("/read")).body }
    })

  it.effect("can read, and says that it cannot save", () =>
    Effect.gen(function* () {
      expect(yield* saved("read")).toEqual({ answer: "saved", read: "4 0" })
      expect(yield* saved("set")).toEqual({ answer: "HeadersSent", read: "4 0" })
      expect(yield* saved("touch")).toEqual({ answer: "HeadersSent", read: "4 0" })
    })
  )

  it.effect("can end the session if there are revocations, and otherwise says that it cannot", () =>
    Effect.gen(function* () {
      expect(yield* saved("destroy")).toEqual({ answer: "Unsupported", read: "4 0" })
      expect(yield* saved("destroy", { revocations: Memory.make() })).toEqual({ answer: "saved", read: "0 0" })
    })
  )
})

describe("configuration", () => {
  const built = (options: SessionConfig.Options) =>
    Effect.result(Effect.scoped(Layer.build(SessionLayer.cookie({ keys: [key()] }, options))))

  for (const options of [
    { header: "X-Session-Id" },
    { query: "sid" },
    { cookie: false, header: "X-Session-Id" },
    { cookie: { path: `/${"p".repeat(3_000)}` } }
  ] as const) {
    it.effect(`refuses ${JSON.stringify(options).slice(0, 60)}`, () =>
      Effect.map(built(options), (result) =>
        expect(Result.isFailure(result) && errorOf(result).reason).toBe("InvalidConfig")
      )
    )
  }

  const fromEnvironment = (variables: Record<string, string>) =>
    Effect.scoped(
      Effect.map(Layer.build(SessionLayer.fromConfig()), () => "built").pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables))),
        Effect.catch((error) => Effect.succeed(String(error)))
      )
    )
  const keys = [key(), key()].map(Redacted.value)

  it.effect("is read from the environment, with the keys as a list", () =>
    Effect.gen(function* () {
      const cookie = { SESSION_PROVIDER: "cookie" }
      expect(yield* fromEnvironment({ ...cookie, SESSION_KEYS: keys.join(",") })).toBe("built")
      expect(yield* fromEnvironment({ ...cookie, SESSION_KEYS: keys.join(", "), SESSION_REVOCATIONS: "memory" })).toBe(
        "built"
      )
      const cipher = { SESSION_CIPHER: "xchacha20-poly1305" }
      expect(yield* fromEnvironment({ ...cookie, ...cipher, SESSION_KEYS: keys[0]! })).toBe("built")
      expect(yield* fromEnvironment({ ...cookie, SESSION_CIPHER: "rot13", SESSION_KEYS: keys[0]! })).toMatch(
        /SESSION_CIPHER[\s\S]*aes-256-gcm.*xchacha20-poly1305|aes-256-gcm.*xchacha20-poly1305[\s\S]*SESSION_CIPHER/
      )
      expect(yield* fromEnvironment(cookie)).toContain("SESSION_KEYS")
      expect(yield* fromEnvironment({ ...cookie, SESSION_KEYS: "secret" })).toContain("openssl rand -base64 32")
      expect(yield* fromEnvironment({ ...cookie, SESSION_KEYS: keys[0]!, SESSION_REVOCATIONS: "nowhere" })).toContain(
        "SESSION_REVOCATIONS"
      )
      expect(yield* fromEnvironment({ ...cookie, SESSION_KEYS: keys[0]!, SESSION_VALID_FROM: "soon" })).toContain(
        "SESSION_VALID_FROM: expected a date"
      )
    })
  )
})

describe("events", () => {
  it.effect("name a session the same over its life", () =>
    Effect.gen(function* () {
      const { get, server } = yield* begin()
      const events = yield* Effect.forkChild(Stream.runCollect(Stream.take(server.manager.events, 3)))
      yield* Effect.yieldNow
      yield* get("/count")
      yield* get("/count")
      yield* get("/login")
      const [created, saved, regenerated] = Array.from(yield* Fiber.join(events))
      expect([created?._tag, saved?._tag, regenerated?._tag]).toEqual(["Created", "Saved", "Regenerated"])
      expect(new Set([created, saved, regenerated].map(sessionOf)).size).toBe(1)
    })
  )
})
