/**
 * Sessions that browsers hold, over real HTTP: several cookies, parts that get lost or mixed up, and what an ended session's cookies
 * are still good for.
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
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
import { key, request, visitor } from "../support/cookies.js"
import { managerLayer, serve } from "../support/http.js"

class Notes extends SessionStore.Tag<Notes>()("Notes", {
  text: Schema.String,
  visits: SessionStore.field(Schema.NonNegativeInt, { default: () => 0 })
}) {}

const ok = HttpServerResponse.text("ok")

const app = HttpRouter.empty.pipe(
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
      const saved = yield* Effect.either(session.save)
      yield* session.set("text", "small")
      return HttpServerResponse.text(Either.isLeft(saved) ? saved.left.reason : "saved")
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

const begin = (options: SessionConfig.Options = {}, cookie: Omit<Cookie.Options, "keys"> = {}) =>
  Effect.gen(function* () {
    const provider = yield* Cookie.make({ ...cookie, keys: [key()] })
    const server = yield* serve(app, options, provider)
    return { server, ...visitor(server) }
  })

describe("several cookies", () => {
  const longest = { domain: `${"a".repeat(60)}.example.org`, path: `/${"p".repeat(200)}`, maxAge: "30 days" } as const

  for (const [name, options] of [
    ["plain", {}],
    ["with long attributes", { cookie: longest }]
  ] as const) {
    it.scoped(`each of 4,096 bytes at most with name and attributes, one line each, ${name}`, () =>
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

  it.scoped("are sent where something changed, and only then", () =>
    Effect.gen(function* () {
      const { get } = yield* begin()
      expect((yield* get("/read")).setCookie).toEqual([])
      yield* get("/keep?bytes=5000")
      expect((yield* get("/read")).setCookie).toEqual([])
      expect((yield* get("/count")).setCookie.length).toBe(2)
    })
  )

  it.scoped("that are no longer needed are expired, with the same attributes, and no others", () =>
    Effect.gen(function* () {
      const { cookies, get } = yield* begin({ cookie: { domain: "example.org" } })
      yield* get("/keep?bytes=10000")
      expect([...cookies.keys()]).toEqual(["id", "id.1", "id.2", "id.3"])
      const shrunk = yield* get("/keep?bytes=4000")
      expect([...cookies.keys()]).toEqual(["id", "id.1"])
      const attributes = (line: string) => line.replace(/^[^;]*/, "").replace(/; (Max-Age|Expires)=[^;]*/g, "")
      expect(new Set(shrunk.setCookie.map(attributes)).size).toBe(1)
      expect(shrunk.setCookie.length).toBe(4)
      expect((yield* get("/read")).body).toBe("4000 0")
      yield* get("/logout")
      expect([...cookies.keys()]).toEqual([])
    })
  )

  it.scoped("of which one is lost, altered, doubled or of another generation are no session, and are replaced", () =>
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
          () => cookies.set(name, `${whole.get(name)!.slice(0, -1)}!`),
          () => cookies.set(name, `${whole.get(name)}; ${name}=${whole.get(name)}`)
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

  it.scoped(
    "are found among others, whatever their order, and as many as a header has room for cost next to nothing",
    () =>
      Effect.gen(function* () {
        const { cookies, server, get } = yield* begin()
        yield* get("/keep?bytes=6000")
        const shuffled = ["a=1", ...[...cookies].reverse().map(([name, value]) => `${name}=${value}`), "__Host-id.x=2"]
        expect((yield* request(server, "/read", shuffled.join("; "))).body).toBe("6000 0")
        const many = Array.from({ length: 900 }, (_, i) => `__Host-id.${i}=`).join("; ")
        const began = performance.now()
        expect((yield* request(server, "/read", many)).body).toBe("0 0")
        expect(performance.now() - began).toBeLessThan(1_000)
      })
  )
})

describe("a session that does not fit", () => {
  it.scoped("is an error before anything is sent, and the session stays what it was", () =>
    Effect.gen(function* () {
      const { get } = yield* begin()
      yield* get("/keep?bytes=100")
      const refused = yield* get("/keep?bytes=11000")
      expect([refused.status, refused.setCookie]).toEqual([500, []])
      expect((yield* get("/read")).body).toBe("100 0")
    })
  )

  it.scoped("is told as TooLarge to who saves it, who can go on", () =>
    Effect.gen(function* () {
      const { get } = yield* begin()
      expect((yield* get("/saved")).body).toBe("TooLarge")
      expect((yield* get("/read")).body).toBe("5 0")
    })
  )
})

describe("lifetimes, from inside the seal", () => {
  it.scoped("idle and absolute timeouts end a session, whatever the client keeps", () =>
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

  it.scoped("renewal is throttled: requests that only read send no cookie until a tenth has passed", () =>
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
  it.scoped(
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
    it.scoped(`are no session where it was ${what} and there are revocations`, () =>
      Effect.map(replayed(path, { revocations: Memory.make() }), (body) => expect(body).toBe("0 0"))
    )
    // What docs/providers/cookie.md warns of.
    it.scoped(`are still the session where it was ${what} and there are none`, () =>
      Effect.map(replayed(path, {}), (body) => expect(body).toBe("0 1"))
    )
  }

  it.scoped("are no session once their time is over, revocations or not", () =>
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

  it.scoped("signIn makes the cookies of a visitor", () =>
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
  /** What `save` says after `use`, in the upgrade request of a visitor with a session. */
  const saved = (
    use: (session: SessionStore.Session<(typeof Notes)["fields"]>) => Effect.Effect<unknown, SessionError>,
    cookie: Omit<Cookie.Options, "keys"> = {}
  ) =>
    Effect.gen(function* () {
      const manager = managerLayer({}, yield* Cookie.make({ ...cookie, keys: [key()] }))
      return yield* Effect.gen(function* () {
        const headers = yield* signIn(Notes, (session) => session.set("text", "kept"))
        const runtime = yield* Effect.runtime<SessionManager.SessionManager>()
        const handler = Effect.flatMap(Notes, (session) =>
          Effect.match(Effect.zipRight(use(session), session.save), {
            onFailure: (error) => HttpServerResponse.text(error.reason),
            onSuccess: () => HttpServerResponse.text("saved")
          })
        )
        const handle = HttpApp.toWebHandlerRuntime(runtime)(SessionHttp.middleware(Notes)(handler))
        const upgrade = new Request("http://localhost/", { headers: { ...headers, upgrade: "websocket" } })
        return yield* Effect.promise(async () => (await handle(upgrade)).text())
      }).pipe(Effect.provide(manager))
    })

  it.effect("can read, and says that it cannot save", () =>
    Effect.gen(function* () {
      expect(yield* saved((session) => session.get("text"))).toBe("saved")
      expect(yield* saved((session) => session.set("text", "changed"))).toBe("HeadersSent")
      expect(yield* saved((session) => session.touch)).toBe("HeadersSent")
    })
  )

  it.effect("can end the session where there are revocations, and else says that it cannot", () =>
    Effect.gen(function* () {
      expect(yield* saved((session) => session.destroy)).toBe("Unsupported")
      expect(yield* saved((session) => session.destroy, { revocations: Memory.make() })).toBe("saved")
    })
  )
})

describe("configuration", () => {
  const built = (options: SessionConfig.Options) =>
    Effect.either(Effect.scoped(Layer.build(SessionLayer.cookie({ ...options, keys: [key()] }))))

  for (const options of [
    { header: "X-Session-Id" },
    { query: "sid" },
    { cookie: false, header: "X-Session-Id" },
    { cookie: { path: `/${"p".repeat(3_000)}` } }
  ] as const) {
    it.effect(`refuses ${JSON.stringify(options).slice(0, 60)}`, () =>
      Effect.map(built(options), (result) => expect(Either.isLeft(result) && result.left.reason).toBe("InvalidConfig"))
    )
  }

  const fromEnvironment = (variables: Record<string, string>) =>
    Effect.scoped(
      Effect.map(Layer.build(SessionLayer.fromConfig()), () => "built").pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)))),
        Effect.catchAll((error) => Effect.succeed(String(error)))
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
        /SESSION_CIPHER.*aes-256-gcm.*xchacha20-poly1305/
      )
      expect(yield* fromEnvironment(cookie)).toContain("SESSION_KEYS")
      expect(yield* fromEnvironment({ ...cookie, SESSION_KEYS: "secret" })).toContain("randomBytes(32)")
      expect(yield* fromEnvironment({ ...cookie, SESSION_KEYS: keys[0]!, SESSION_REVOCATIONS: "nowhere" })).toContain(
        "SESSION_REVOCATIONS"
      )
      expect(yield* fromEnvironment({ ...cookie, SESSION_KEYS: keys[0]!, SESSION_VALID_FROM: "soon" })).toContain(
        "validFrom"
      )
    })
  )
})

describe("events", () => {
  it.scoped("name a session the same over its life", () =>
    Effect.gen(function* () {
      const { get, server } = yield* begin()
      const events = yield* Effect.fork(Stream.runCollect(Stream.take(server.manager.events, 3)))
      yield* Effect.yieldNow()
      yield* get("/count")
      yield* get("/count")
      yield* get("/login")
      const [created, saved, regenerated] = Chunk.toReadonlyArray(yield* Fiber.join(events))
      expect([created?._tag, saved?._tag, regenerated?._tag]).toEqual(["Created", "Saved", "Regenerated"])
      expect(new Set([created?.session, saved?.session, regenerated?.session]).size).toBe(1)
    })
  )
})
