/**
 * The end of a request: what is saved, when, and what the client is told.
 */

import { SessionError, SessionHttp, SessionManager } from "effect-session"
import { webHandlers } from "#dialect/http"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as TestClock from "#effect/testing/TestClock"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { AppSession, managerLayer, probe, serve } from "../support/http.js"

const count = Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1))

const text = (value: unknown) => HttpServerResponse.text(String(value))

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/unused", HttpServerResponse.text("unused")),
  HttpRouter.get(
    "/read",
    Effect.map(
      Effect.flatMap(AppSession, (session) => session.get("visits")),
      text
    )
  ),
  HttpRouter.get(
    "/poll",
    Effect.flatMap(AppSession, (session) => Effect.andThen(session.keepIdle, Effect.map(session.get("visits"), text)))
  ),
  HttpRouter.get("/count", Effect.map(count, text)),
  HttpRouter.get(
    "/taken",
    Effect.flatMap(AppSession, (session) =>
      Effect.map(session.take("visits"), (visits) => text(Option.getOrElse(visits, () => 0)))
    )
  ),
  HttpRouter.get("/fail", Effect.andThen(count, Effect.fail("no"))),
  HttpRouter.get("/die", Effect.andThen(count, Effect.die(new Error("no")))),
  HttpRouter.get("/not-found", Effect.as(count, HttpServerResponse.empty({ status: 404 }))),
  HttpRouter.get("/die-response", Effect.andThen(count, Effect.die(HttpServerResponse.empty({ status: 409 })))),
  HttpRouter.get("/redirect", Effect.as(count, HttpServerResponse.redirect("/read"))),
  HttpRouter.get(
    "/login",
    Effect.gen(function* () {
      const session = yield* AppSession
      yield* session.regenerate
      yield* session.set("userId", "ada")
      return HttpServerResponse.empty()
    })
  ),
  HttpRouter.get(
    "/logout",
    Effect.as(
      Effect.flatMap(AppSession, (session) => session.destroy),
      HttpServerResponse.empty()
    )
  ),
  HttpRouter.get(
    "/logout-die",
    Effect.andThen(
      Effect.flatMap(AppSession, (session) => session.destroy),
      Effect.die(new Error("no"))
    )
  ),
  HttpRouter.get(
    "/save-die",
    Effect.gen(function* () {
      yield* count
      yield* (yield* AppSession).save
      return yield* Effect.die(new Error("no"))
    })
  ),
  HttpRouter.get(
    "/parallel",
    Effect.gen(function* () {
      yield* Effect.all([count, count, count, Effect.flatMap(AppSession, (session) => session.set("userId", "ada"))], {
        concurrency: "unbounded"
      })
      return HttpServerResponse.empty()
    })
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

const begin = Effect.gen(function* () {
  const { calls, provider } = probe()
  const server = yield* serve(app, {}, provider)
  const { cookie } = yield* server.send("/count")
  calls.length = 0
  return { calls, ...server, me: server.as(cookie), cookie: cookie! }
})

const unusedProbe = probe()

describe("what a request costs the backend", () => {
  it.effect("nothing without a cookie, nothing where the session is not used", () =>
    Effect.gen(function* () {
      const { calls, me, send } = yield* begin
      expect((yield* send("/unused")).setCookie).toEqual([])
      expect((yield* send("/read")).setCookie).toEqual([])
      expect((yield* me("/unused")).setCookie).toEqual([])
      expect(calls).toEqual([])
    })
  )

  it.effect("one call to read, two to write, one for the first write and for a login", () =>
    Effect.gen(function* () {
      const { calls, me, send } = yield* begin
      const spent = (path: string, by = me) => Effect.map(by(path), () => calls.splice(0))
      expect(yield* spent("/read")).toEqual(["read"])
      expect(yield* spent("/count")).toEqual(["read", "write"])
      expect(yield* spent("/count", send)).toEqual(["create"])
      expect(yield* spent("/login", send)).toEqual(["create"])
      expect(yield* spent("/login")).toEqual(["read", "regenerate"])
    })
  )

  it.effect("destroy costs one call", () =>
    Effect.gen(function* () {
      const { calls, me } = yield* begin
      yield* me("/logout")
      expect(calls).toEqual(["destroy"])
    })
  )

  it.effect(
    "1,000 requests to a page that does not use its session leave no session, and no call",
    () =>
      Effect.gen(function* () {
        const handle = (yield* webHandlers<SessionManager.SessionManager>())(app)
        for (let i = 0; i < 1_000; i++) {
          const response = yield* Effect.promise(() => handle(new Request("http://localhost/unused")))
          expect(response.headers.getSetCookie()).toEqual([])
        }
        expect(unusedProbe.calls).toEqual([])
        expect(yield* SessionManager.count).toBe(0)
        yield* Effect.promise(() => handle(new Request("http://localhost/count")))
        expect(yield* SessionManager.count).toBe(1)
      }).pipe(Effect.provide(managerLayer({}, unusedProbe.provider))),
    120_000
  )

  it.effect("renews the lifetime once a throttle interval, however many requests read", () =>
    Effect.gen(function* () {
      const { calls, me } = yield* begin
      const day: Array<string> = []
      // The idle timeout is 30 minutes, a tenth of it the throttle.
      for (let minute = 0; minute < 30; minute++) {
        yield* TestClock.adjust("1 minute")
        yield* me("/read")
        yield* me("/read")
      }
      day.push(...calls.filter((call) => call === "touch"))
      expect(day.length).toBeGreaterThanOrEqual(7)
      expect(day.length).toBeLessThanOrEqual(10)
      expect(calls.filter((call) => call === "write")).toEqual([])
    })
  )
})

describe("a page that a browser fetches ahead of its user", () => {
  it.effect.each(["prefetch", "prefetch;prerender"])("does not take what it shows: %s", (purpose) =>
    Effect.gen(function* () {
      const { me } = yield* begin
      const ahead = yield* me("/taken", { headers: { "sec-purpose": purpose } })
      expect([ahead.status, ahead.body]).toEqual([200, "1"])
      expect((yield* me("/taken")).body).toBe("1")
      expect((yield* me("/taken")).body).toBe("0")
    })
  )
})

describe("lifetimes", () => {
  it.effect("polls let an idle session end, and a change renews it", () =>
    Effect.gen(function* () {
      const { calls, me } = yield* begin
      for (let minute = 0; minute < 29; minute++) {
        yield* TestClock.adjust("1 minute")
        expect((yield* me("/poll")).body).toBe("1")
      }
      expect(calls.filter((call) => call === "touch")).toEqual([])
      yield* me("/count")
      yield* TestClock.adjust("29 minutes")
      expect((yield* me("/poll")).body).toBe("2")
      yield* TestClock.adjust("2 minutes")
      expect((yield* me("/poll")).body).toBe("0")
    })
  )

  it.effect("an idle session ends after the idle timeout, one in use lives on until the absolute timeout", () =>
    Effect.gen(function* () {
      const { as, me, send } = yield* begin
      const other = as((yield* send("/count")).cookie)
      let seen = ""
      for (let hour = 0; hour < 11.5; hour += 1 / 3) {
        yield* TestClock.adjust("20 minutes")
        seen = (yield* me("/read")).body
      }
      expect(seen).toBe("1")
      expect((yield* other("/read")).body).toBe("0")
      yield* TestClock.adjust("20 minutes")
      yield* me("/read")
      yield* TestClock.adjust("15 minutes")
      expect((yield* me("/read")).body).toBe("0")
    })
  )

  it.effect("ends at the very millisecond", () =>
    Effect.gen(function* () {
      const { me } = yield* begin
      yield* TestClock.adjust(Duration.subtract(Duration.minutes(30), Duration.millis(1)))
      expect((yield* me("/unused")).status).toBe(200)
      expect((yield* me("/read")).body).toBe("1")
      // That read renewed it.
      yield* TestClock.adjust(Duration.minutes(30))
      expect((yield* me("/read")).body).toBe("0")
    })
  )

  it.effect("signing in starts the absolute timeout anew", () =>
    Effect.gen(function* () {
      const { as, me } = yield* begin
      for (let i = 0; i < 33; i++) {
        yield* TestClock.adjust("20 minutes")
        yield* me("/read")
      }
      const signedIn = as((yield* me("/login")).cookie)
      for (let i = 0; i < 33; i++) {
        yield* TestClock.adjust("20 minutes")
        expect((yield* signedIn("/read")).body).toBe("1")
      }
    })
  )
})

describe("failing handlers", () => {
  for (const path of ["/fail", "/die"]) {
    it.effect(`${path}: a 5xx leaves the session as it was`, () =>
      Effect.gen(function* () {
        const { calls, me, send } = yield* begin
        expect((yield* me(path)).status).toBe(500)
        expect((yield* me("/read")).body).toBe("1")
        calls.length = 0
        const first = yield* send(path)
        expect(first.setCookie).toEqual([])
        expect(calls).toEqual([])
      })
    )
  }

  for (const [path, status] of [
    ["/not-found", 404],
    ["/die-response", 409],
    ["/redirect", 302]
  ] as const) {
    it.effect(`${path}: ${status} keeps the changes`, () =>
      Effect.gen(function* () {
        const { me } = yield* begin
        expect((yield* me(path)).status).toBe(status)
        expect((yield* me("/read")).body).toBe("2")
      })
    )
  }

  it.effect("a destroy stands", () =>
    Effect.gen(function* () {
      const { cookie, me } = yield* begin
      const answer = yield* me("/logout-die")
      expect(answer.status).toBe(500)
      expect(answer.setCookie).toEqual([
        `${cookie.split("=")[0]}=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax`
      ])
      expect((yield* me("/read")).body).toBe("0")
    })
  )

  it.effect("what was saved stays saved, and the client is told the new id", () =>
    Effect.gen(function* () {
      const { as, send } = yield* begin
      const answer = yield* send("/save-die")
      expect(answer.status).toBe(500)
      expect((yield* as(answer.cookie)("/read")).body).toBe("1")
    })
  )

  it.effect("keepOnServerError keeps the changes", () =>
    Effect.gen(function* () {
      const { as, send } = yield* serve(app, { keepOnServerError: true })
      const { cookie } = yield* send("/die")
      expect((yield* as(cookie)("/read")).body).toBe("1")
    })
  )

  it.effect("fibers of one handler share one session and one read", () =>
    Effect.gen(function* () {
      const { calls, me } = yield* begin
      yield* me("/parallel")
      expect(calls).toEqual(["read", "write"])
      expect((yield* me("/read")).body).toBe("4")
    })
  )
})

describe("failing backends", () => {
  const unavailable = Effect.fail(new SessionError({ reason: "Unavailable", message: "probe: away" }))

  it.effect("reading: an uncaught error is a 503, and the response names nothing", () =>
    Effect.gen(function* () {
      let down = false
      const { provider } = probe((inner) => ({ read: (id) => (down ? unavailable : inner.read(id)) }))
      const { as, send } = yield* serve(app, {}, provider)
      const { cookie } = yield* send("/count")
      down = true
      const answer = yield* as(cookie)("/read")
      expect([answer.status, answer.body, answer.setCookie]).toEqual([503, "", []])
      expect((yield* as(cookie)("/unused")).status).toBe(200)
      down = false
      expect((yield* as(cookie)("/read")).body).toBe("1")
    })
  )

  for (const [how, failing] of [
    ["fails", unavailable],
    ["dies", Effect.die(new Error("probe: broken"))]
  ] as const) {
    it.effect(`saving ${how}: the response becomes a 5xx, once, and no cookie promises what is not stored`, () =>
      Effect.gen(function* () {
        const { calls, provider } = probe(() => ({ create: () => failing }))
        const { send } = yield* serve(app, {}, provider)
        const answer = yield* send("/count")
        expect(answer.status).toBe(how === "fails" ? 503 : 500)
        expect(answer.setCookie).toEqual([])
        expect(calls).toEqual(["create"])
      })
    )
  }

  it.effect("saving fails under whenNotSaved: response: the response goes out as it is", () =>
    Effect.gen(function* () {
      const { provider } = probe(() => ({ create: () => unavailable }))
      const { send } = yield* serve(app, { whenNotSaved: "response" }, provider)
      const answer = yield* send("/count")
      expect([answer.status, answer.body, answer.setCookie]).toEqual([200, "1", []])
    })
  )

  for (const operation of ["read", "write"] as const) {
    for (const kind of ["never answers", "never answers and cannot be interrupted"]) {
      it.live(`${operation} ${kind}: 503 within the timeout, and the session works again`, () =>
        Effect.gen(function* () {
          let hang = false
          const never = kind === "never answers" ? Effect.never : Effect.uninterruptible(Effect.never)
          const { provider } = probe((inner) => ({
            read: (id) => (hang && operation === "read" ? never : inner.read(id)),
            write: (...args) => (hang && operation === "write" ? never : inner.write(...args))
          }))
          const { as, send } = yield* serve(app, { timeout: "300 millis" }, provider)
          const { cookie } = yield* send("/count")
          hang = true
          const [took, answer] = yield* Effect.timed(as(cookie)("/count"))
          expect(answer.status).toBe(503)
          expect(Duration.toMillis(took)).toBeGreaterThan(290)
          expect(Duration.toMillis(took)).toBeLessThan(5_000)
          hang = false
          expect((yield* as(cookie)("/count")).body).toBe("2")
        })
      )
    }
  }
})
