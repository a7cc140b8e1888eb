/**
 * When a session could not be saved: what the client gets instead of the response, and what is left of the response.
 */

import { readdirSync } from "node:fs"
import { type SessionConfig, SessionError, SessionHttp, type SessionProvider } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpEffect from "#effect/http/HttpEffect"
import * as HttpMiddleware from "#effect/http/HttpMiddleware"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Stream from "#effect/Stream"
import * as HttpRouter from "#test/HttpRouter"
import { services } from "#test/node"
import { describe, expect, it } from "#test/vitest"
import type { App } from "../support/app.js"
import { AppSession, managerLayer, probe, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"
import { basics, routesOf } from "../support/mounts.js"
import { bytesOf, exchange } from "../support/raw.js"

const away = Effect.fail(new SessionError({ reason: "Unavailable", message: "probe: away" }))

const { count } = basics

/** A provider that can be switched off, for writing or for all. */
const failing = () => {
  const state: { away: "nothing" | "writes" | "everything" } = { away: "nothing" }
  const { provider } = probe((inner) => {
    const unless =
      <Args extends ReadonlyArray<any>, A>(call: (...args: Args) => Effect.Effect<A, SessionError>, read = false) =>
      (...args: Args) =>
        Effect.suspend(() => (state.away === "everything" || (state.away === "writes" && !read) ? away : call(...args)))
    return {
      read: unless(inner.read, true),
      create: unless(inner.create),
      write: unless(inner.write),
      touch: unless(inner.touch),
      destroy: unless(inner.destroy),
      regenerate: unless(inner.regenerate)
    } satisfies Partial<SessionProvider.Provider>
  })
  return { provider, state }
}

const routes = routesOf({
  ...basics,
  "logout-and-in": Effect.flatMap(AppSession, (session) =>
    Effect.as(Effect.andThen(session.destroy, session.set("userId", "eve")), "in")
  )
}).pipe(
  HttpRouter.get(
    "/page",
    Effect.gen(function* () {
      yield* count
      return HttpServerResponse.html("<p>page</p>").pipe(
        HttpServerResponse.setHeaders({
          etag: '"1"',
          "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT",
          "content-language": "en",
          "content-encoding": "identity",
          "content-disposition": "inline",
          "content-security-policy": "default-src 'none'",
          location: "/elsewhere",
          "cache-control": "public, max-age=600",
          expires: "Thu, 01 Jan 2037 00:00:00 GMT",
          refresh: "0; url=/done",
          "x-app": "own"
        }),
        HttpServerResponse.setCookieUnsafe("theme", "dark")
      )
    })
  ),
  HttpRouter.get(
    "/large",
    Effect.as(
      Effect.flatMap(AppSession, (session) => session.set("userId", "x".repeat(1_000))),
      HttpServerResponse.text("kept")
    )
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

const begin = (options: SessionConfig.Options = {}, app: App<any, any> = routes) =>
  Effect.gen(function* () {
    const { layer, logged } = collectLogs()
    const { provider, state } = failing()
    const server = yield* serve(app, options, provider).pipe(Effect.provide(layer))
    const { cookie } = yield* server.send("/count")
    return { ...server, logged, me: server.as(cookie), cookie: cookie!, state }
  })

describe("the response", () => {
  it.effect("is a 503 if trying again can help and a 500 if not, empty, and logged once", () =>
    Effect.gen(function* () {
      const { logged, me, send, state } = yield* begin({ maxBytes: 200 })
      const large = yield* me("/large")
      expect([large.status, large.body]).toEqual([500, ""])
      expect(logged.splice(0)).toEqual([expect.stringMatching(/1\d{3} bytes, the limit is 200/)])
      state.away = "writes"
      for (const answer of [yield* me("/count"), yield* send("/count")]) {
        expect([answer.status, answer.body, answer.setCookie]).toEqual([503, "", []])
      }
      state.away = "everything"
      expect((yield* me("/read")).status).toBe(503)
      // An outage is logged when it begins.
      expect(logged.splice(0)).toEqual(["probe: away"])
      state.away = "nothing"
      expect((yield* me("/read")).body).toBe("1")
      expect(logged).toEqual([])
    })
  )

  it.effect("keeps the headers and cookies that others set, without those of the body that it had", () =>
    Effect.gen(function* () {
      const app = routes.pipe(
        Effect.map(HttpServerResponse.setHeader("x-request-id", "r1")),
        HttpMiddleware.cors({ allowedOrigins: ["https://spa.example"], credentials: true })
      )
      const { cookie, state, url } = yield* begin({}, app)
      const get = exchange(url, bytesOf("GET", "/page", { cookie, connection: "close", origin: "https://spa.example" }))
      const fine = yield* get
      state.away = "writes"
      const failed = yield* get
      expect([fine.status, failed.status]).toEqual([200, 503])
      const ofBody = [
        "content-type",
        "content-length",
        "content-language",
        "content-encoding",
        "content-disposition",
        "etag",
        "last-modified",
        "location",
        "cache-control",
        "expires",
        "refresh"
      ]
      const rest = (headers: Readonly<Record<string, string>>) =>
        Object.keys(headers).filter((name) => !ofBody.includes(name) && name !== "transfer-encoding")
      expect(rest(failed.headers).sort()).toEqual(rest(fine.headers).sort())
      const left = ["content-length", "cache-control"]
      expect(Object.keys(failed.headers).filter((name) => ofBody.includes(name) && !left.includes(name))).toEqual([])
      expect(failed.headers["cache-control"]).toBe("no-store")
      expect(failed.headers["content-length"] ?? "0").toBe("0")
      expect(failed.headers).toMatchObject({
        "x-app": "own",
        "x-request-id": "r1",
        "access-control-allow-origin": "https://spa.example",
        "content-security-policy": "default-src 'none'"
      })
      expect(failed.setCookie).toEqual(fine.setCookie)
    })
  )
})

describe("a body that is not sent", () => {
  it.effect("of a file: its descriptor is closed, 100 times of 100", () =>
    Effect.gen(function* () {
      const download = HttpRouter.empty.pipe(
        HttpRouter.get("/download", Effect.andThen(count, HttpServerResponse.file(process.execPath))),
        HttpRouter.get("/count", Effect.as(count, HttpServerResponse.empty())),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { me, state } = yield* begin({}, Effect.provide(download, services))
      state.away = "writes"
      const files = () =>
        readdirSync("/proc/self/fd", { withFileTypes: true }).filter((entry) => entry.isSymbolicLink()).length
      yield* me("/download")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
      const before = files()
      for (let i = 0; i < 100; i++) {
        expect((yield* me("/download")).status).toBe(503)
      }
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
      expect(files() - before).toBeLessThan(10)
    })
  )

  it.effect("of a web stream: it is cancelled", () =>
    Effect.gen(function* () {
      let cancelled = 0
      const body = () => new ReadableStream({ cancel: () => void cancelled++ })
      const app = HttpRouter.empty.pipe(
        HttpRouter.get(
          "/",
          Effect.map(count, () => HttpServerResponse.raw(body()))
        ),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { provider, state } = failing()
      const { dispose, handler } = HttpEffect.toWebHandlerLayer(app, managerLayer({}, provider))
      state.away = "everything"
      const response = yield* Effect.promise(() => handler(new Request("http://localhost/")))
      expect([response.status, cancelled]).toEqual([503, 1])
      yield* Effect.promise(dispose)
    })
  )

  it.effect("of an Effect stream: it is never run, and what the request had acquired is released", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const app = HttpRouter.empty.pipe(
        HttpRouter.get(
          "/stream",
          Effect.gen(function* () {
            yield* Effect.addFinalizer(() => Effect.sync(() => seen.push("released")))
            yield* count
            return HttpServerResponse.stream(Stream.fromEffect(Effect.sync(() => new Uint8Array(seen.push("run")))))
          })
        ),
        HttpRouter.get("/count", Effect.as(count, HttpServerResponse.empty())),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { me, state } = yield* begin({}, app)
      state.away = "writes"
      expect((yield* me("/stream")).status).toBe(503)
      expect(seen).toEqual(["released"])
    })
  )
})

describe("whenNotSaved: response", () => {
  it.effect("lets the response of plain changes out as it is", () =>
    Effect.gen(function* () {
      const { logged, me, send, state } = yield* begin({ whenNotSaved: "response" })
      state.away = "writes"
      const kept = yield* me("/page")
      expect([kept.status, kept.body, kept.headers["etag"]]).toEqual([200, "<p>page</p>", '"1"'])
      const first = yield* send("/count")
      expect([first.status, first.body, first.setCookie]).toEqual([200, "1", []])
      expect(logged).toEqual(["probe: away", expect.stringContaining("Cache-Control: public")])
    })
  )

  it.effect.each([
    ["/login", 0],
    ["/logout", 1],
    ["/logout-and-in", 1]
  ] as const)("but not of %s", ([path, cookies]) =>
    Effect.gen(function* () {
      const { me, state } = yield* begin({ whenNotSaved: "response" })
      state.away = "everything"
      const answer = yield* me(path)
      expect([answer.status, answer.body, answer.setCookie.length]).toEqual([503, "", cookies])
    })
  )
})

describe("a logout that the backend did not take", () => {
  it.effect.each(["503", "response"] as const)("is a 503 and removes the cookie (whenNotSaved: %s)", (whenNotSaved) =>
    Effect.gen(function* () {
      const { me, state } = yield* begin({ whenNotSaved })
      state.away = "everything"
      const out = yield* me("/logout")
      expect([out.status, out.body, out.setCookie.length]).toEqual([503, "", 1])
      expect(out.setCookie[0]).toMatch(/^__Host-id=; Max-Age=0;/)
      expect(out.headers["cache-control"]).toBe("no-store")
      state.away = "nothing"
      // The session is still there for who kept the cookie: hence the 503.
      expect((yield* me("/read")).body).toBe("1")
    })
  )
})

describe("SessionError", () => {
  it.effect("is its own response, without any mount", () =>
    Effect.gen(function* () {
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/busy", Effect.fail(new SessionError({ reason: "Conflict", message: "secret" }))),
        HttpRouter.get("/wrong", Effect.fail(new SessionError({ reason: "InvalidValue", message: "secret" })))
      )
      const { send } = yield* serve(app)
      for (const [path, status] of [
        ["/busy", 503],
        ["/wrong", 500]
      ] as const) {
        const answer = yield* send(path)
        expect([answer.status, answer.body]).toEqual([status, ""])
      }
    })
  )
})
