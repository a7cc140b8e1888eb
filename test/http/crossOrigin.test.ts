/**
 * What requests of other origins may do with a session: on each mount, by Fetch Metadata and by Origin.
 */
import { type SessionConfig, type SessionError, SessionHttp, SessionLayer } from "effect-session"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as HttpServer from "#effect/http/HttpServer"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Stream from "#effect/Stream"
import * as HttpRouter from "#test/HttpRouter"
import * as NodeHttpServer from "#test/NodeHttpServer"
import { describe, expect, it } from "#test/vitest"
import { sessionOf } from "../support/events.js"
import { AppSession, client, probe, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"
import { basics, type Handlers, mounts } from "../support/mounts.js"

type Headers = Readonly<Record<string, string>>

const handlers = {
  ...basics,
  untouched: Effect.succeed("untouched"),
  signIn: Effect.flatMap(AppSession, (session) => Effect.as(session.signIn("ada"), "in")),
  signOut: Effect.flatMap(AppSession, (session) => Effect.as(session.signOut, "out")),
  touch: Effect.flatMap(AppSession, (session) => Effect.as(session.touch, "touched")),
  saved: Effect.map(
    Effect.flatMap(AppSession, (session) => session.updateAndSave("visits", (n) => n + 1)),
    String
  ),
  set: Effect.flatMap(AppSession, (session) => Effect.as(session.set("visits", 7), "set")),
  // A handler that wants to know all of it.
  attempts: Effect.flatMap(AppSession, (session) =>
    Effect.map(
      Effect.all(
        [
          session.set("visits", 1),
          session.get("visits"),
          session.save,
          session.regenerate,
          session.signIn("ada"),
          session.destroy,
          session.signOut
        ].map((use) =>
          Effect.match(use as Effect.Effect<unknown, SessionError>, {
            onFailure: ({ reason }) => reason,
            onSuccess: () => "ok"
          })
        )
      ),
      (all) => all.join(" ")
    )
  )
} satisfies Handlers

const evil = "https://evil.example"

const passing: ReadonlyArray<Headers> = [
  {},
  { "sec-fetch-site": "same-origin" },
  { "sec-fetch-site": "none" },
  { "sec-fetch-site": "same-origin", origin: evil },
  { origin: "https://app.example" },
  { origin: "http://app.example" },
  { origin: "https://app.example", host: "app.example:443" },
  { origin: "http://app.example:8080", host: "APP.example:8080" },
  { origin: "https://trusted.example" },
  { origin: "https://trusted.example", "sec-fetch-site": "same-site" }
]

const failing: ReadonlyArray<Headers> = [
  { "sec-fetch-site": "cross-site" },
  { "sec-fetch-site": "cross-site", origin: evil },
  { "sec-fetch-site": "cross-site", origin: "https://app.example" },
  { "sec-fetch-site": "same-site", origin: "https://other.app.example" },
  { "sec-fetch-site": "somewhere" },
  { origin: evil },
  { origin: "null" },
  { origin: "https://app.example.evil.example" },
  { origin: "https://app.example:8443" },
  { origin: "https://trusted.example:8443" },
  { origin: "http://trusted.example" }
]

const options: SessionConfig.Options = { crossOrigin: { trusted: ["https://trusted.example"] } }

const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" }
const frame = { ...link, "sec-fetch-dest": "iframe" }
const image = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" }
const fetched = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty", origin: evil }
const trustedForm = { ...link, origin: "https://trusted.example" }
const handshake = { "sec-fetch-mode": "websocket", upgrade: "websocket", origin: evil }

describe.each(Object.entries(mounts))("%s", (_, mount) => {
  it.effect("an unsafe method of the same origin, of a trusted one or of no browser acts", () =>
    Effect.gen(function* () {
      const reach = yield* mount(handlers, undefined, { options })
      const { cookie } = yield* reach("/login", {}, "POST")
      for (const [at, headers] of passing.entries()) {
        const { body, status } = yield* reach("/count", { ...headers, cookie: cookie! }, "POST")
        expect([headers, status, body]).toEqual([headers, 200, String(at + 1)])
      }
    })
  )

  it.effect("an unsafe method of another origin fails when it uses the session, and does nothing", () =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const reach = yield* mount(handlers, provider, { options })
      const { cookie } = yield* reach("/login", {}, "POST")
      calls.length = 0
      for (const headers of failing) {
        const sent = { ...headers, cookie: cookie! }
        for (const path of ["/read", "/set", "/touch", "/login", "/signIn", "/logout", "/signOut", "/saved"]) {
          const answer = yield* reach(path, sent, "POST")
          expect([path, headers, answer.status, answer.setCookie]).toEqual([path, headers, 403, []])
        }
        expect((yield* reach("/attempts", sent, "POST")).body).toBe(Array(7).fill("CrossOrigin").join(" "))
        expect((yield* reach("/untouched", sent, "POST")).status).toBe(200)
      }
      expect(calls).toEqual([])
      expect((yield* reach("/count", { cookie: cookie! })).body).toBe("1")
    })
  )

  it.effect("a safe method passes, but for a WebSocket's handshake", () =>
    Effect.gen(function* () {
      const reach = yield* mount(handlers, undefined, { options })
      const { cookie } = yield* reach("/login", {}, "POST")
      for (const headers of failing) {
        expect((yield* reach("/read", { ...headers, cookie: cookie! })).status).toBe(200)
        expect((yield* reach("/read", { ...headers, cookie: cookie!, upgrade: "WebSocket" })).status).toBe(403)
        expect((yield* reach("/read", { ...headers, ...handshake, cookie: cookie! })).status).toBe(403)
      }
      for (const headers of passing) {
        const shaking = { ...handshake, origin: "https://app.example", ...headers, cookie: cookie! }
        expect((yield* reach("/read", shaking)).status).toBe(200)
      }
    })
  )

  it.effect("allow lets all of them act, with the cookie that they bring", () =>
    Effect.gen(function* () {
      const reach = yield* mount(handlers, undefined, { options: { crossOrigin: "allow" } })
      const { cookie } = yield* reach("/login", {}, "POST")
      for (const [at, headers] of failing.entries()) {
        expect((yield* reach("/count", { ...headers, cookie: cookie! }, "POST")).body).toBe(String(at + 1))
      }
    })
  )

  it.effect("strict: a link in reads as a visitor without a session, and displaces none", () =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const reach = yield* mount(handlers, provider, { options: { cookie: { sameSite: "strict" } } })
      for (const headers of [link, frame, image, fetched]) {
        for (const [path, status] of [
          ["/read", 200],
          ["/count", 200],
          ["/set", 200],
          ["/touch", 200],
          ["/saved", 403],
          ["/login", 403],
          ["/signIn", 403],
          ["/logout", 403],
          ["/signOut", 403]
        ] as const) {
          const answer = yield* reach(path, headers)
          expect([path, answer.status, answer.setCookie]).toEqual([path, status, []])
        }
        const all = "ok ok CrossOrigin CrossOrigin CrossOrigin CrossOrigin CrossOrigin"
        expect((yield* reach("/attempts", headers)).body).toBe(all)
      }
      expect(calls).toEqual([])
      const junk = { ...link, cookie: "__Host-id=junk; __Host-id=more" }
      expect((yield* reach("/count", junk)).setCookie).toEqual([])
      expect((yield* reach("/count", { ...link, "sec-fetch-site": "same-site" })).setCookie.length).toBe(1)
    })
  )

  it.effect("lax: a link in begins a session, whatever else comes from another site does not", () =>
    Effect.gen(function* () {
      const reach = yield* mount(handlers)
      expect((yield* reach("/count", link)).setCookie.length).toBe(1)
      expect((yield* reach("/login", link)).setCookie.length).toBe(1)
      for (const headers of [frame, image, fetched, { "sec-fetch-site": "cross-site" }]) {
        const counted = yield* reach("/count", headers)
        expect([counted.status, counted.body, counted.setCookie]).toEqual([200, "1", []])
        expect((yield* reach("/login", headers)).status).toBe(403)
      }
    })
  )

  it.effect("none: browsers send the cookie from everywhere, so that its absence tells", () =>
    Effect.gen(function* () {
      const reach = yield* mount(handlers, undefined, { options: { ...options, cookie: { sameSite: "none" } } })
      expect((yield* reach("/count", image)).setCookie.length).toBe(1)
      expect((yield* reach("/count", trustedForm, "POST")).setCookie.length).toBe(1)
      expect((yield* reach("/count", { ...link, origin: evil }, "POST")).status).toBe(403)
    })
  )

  it.effect.each(["lax", "strict"] as const)(
    "%s: a trusted origin's form signs in, and does nothing else",
    (sameSite) =>
      Effect.gen(function* () {
        for (const crossOrigin of [options.crossOrigin, "allow"] as const) {
          const reach = yield* mount(handlers, undefined, { options: { crossOrigin, cookie: { sameSite } } })
          for (const path of ["/login", "/signIn"]) {
            const { cookie, status } = yield* reach(path, trustedForm, "POST")
            expect(status).toBe(200)
            expect((yield* reach("/count", { cookie: cookie! })).body).toBe("1")
          }
          expect((yield* reach("/read", trustedForm, "POST")).status).toBe(200)
          for (const path of ["/count", "/set", "/logout", "/signOut", "/saved"]) {
            const answer = yield* reach(path, trustedForm, "POST")
            expect([path, answer.status, answer.setCookie]).toEqual([path, 403, []])
          }
        }
      })
  )

  it.effect("sessions by header need no check", () =>
    Effect.gen(function* () {
      const alone = yield* mount(handlers, undefined, { options: { cookie: false, header: "X-Session" } })
      const id = (yield* alone("/login", fetched, "POST")).body
      expect((yield* alone("/count", { ...fetched, "x-session": id }, "POST")).body).toBe("1")
      const both = yield* mount(handlers, undefined, { options: { header: "X-Session" } })
      expect((yield* both("/login", fetched, "POST")).status).toBe(403)
      const other = (yield* both("/login", {}, "POST")).body
      expect((yield* both("/count", { ...fetched, "x-session": other }, "POST")).body).toBe("1")
      const cookie = `__Host-id=${other}`
      expect((yield* both("/count", { ...fetched, "x-session": other, cookie }, "POST")).status).toBe(403)
    })
  )

  it.effect("an id in the URL needs one, since links can carry it", () =>
    Effect.gen(function* () {
      const reach = yield* mount(handlers, undefined, { options: { cookie: false, query: "id" } })
      const id = (yield* reach("/login", {}, "POST")).body
      expect((yield* reach(`/count?id=${id}`, fetched, "POST")).status).toBe(403)
      expect((yield* reach(`/count?id=${id}`, link)).body).toBe("1")
    })
  )

  it.effect("an id in the URL displaces no cookie that the browser keeps back", () =>
    Effect.gen(function* () {
      const reach = yield* mount(handlers, undefined, { options: { cookie: { sameSite: "strict" }, query: "id" } })
      const id = (yield* reach("/login", {}, "POST")).body
      for (const path of ["/login", "/signIn", "/signOut", "/logout"]) {
        const { cookie, status } = yield* reach(`${path}?id=${id}`, link)
        expect([path, status, cookie]).toEqual([path, 403, undefined])
      }
      expect((yield* reach(`/count?id=${id}`)).body).toBe("1")
    })
  )
})

const app = HttpRouter.empty.pipe(
  HttpRouter.post(
    "/count",
    Effect.map(handlers.count, (text) => HttpServerResponse.text(text))
  ),
  HttpRouter.post(
    "/out",
    Effect.map(handlers.signOut, (text) => HttpServerResponse.text(text))
  ),
  HttpRouter.post(
    "/twice",
    Effect.map(handlers.attempts, (text) => HttpServerResponse.text(text))
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

describe("seen from outside", () => {
  it.effect("each such request is an event, once, and no line in the log", () =>
    Effect.gen(function* () {
      const { layer, logged } = collectLogs()
      const { as, manager, send } = yield* Effect.provide(serve(app, { clearSiteData: ["cache"] }), layer)
      const { cookie } = yield* send("/count", { method: "POST" })
      const seen = yield* Effect.forkChild(Stream.runCollect(Stream.take(manager.events, 3)))
      yield* Effect.yieldNow
      for (const headers of [{ origin: evil }, { "sec-fetch-site": "cross-site" }]) {
        const answer = yield* as(cookie)("/out", { method: "POST", headers })
        expect([answer.status, answer.headers["clear-site-data"]]).toEqual([403, undefined])
      }
      yield* send("/twice", { method: "POST", headers: { origin: evil } })
      const named = Array.from(yield* Fiber.join(seen), (event) => [event._tag, sessionOf(event) !== undefined])
      expect(named).toEqual([
        ["CrossOrigin", true],
        ["CrossOrigin", true],
        ["CrossOrigin", false]
      ])
      expect(logged).toEqual([])
    })
  )

  it.effect("the environment says which origins are trusted, or that all are", () =>
    Effect.gen(function* () {
      const at = (variables: Record<string, string>) =>
        Effect.map(
          Effect.flatMap(
            Layer.build(
              Layer.provideMerge(
                HttpServer.serve(app),
                Layer.merge(
                  NodeHttpServer.layerTest,
                  Layer.provide(
                    SessionLayer.fromConfig(),
                    ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables))
                  )
                )
              )
            ),
            client
          ),
          ({ send }) => send("/count", { method: "POST", headers: { origin: evil } })
        )
      const status = (variables: Record<string, string>) =>
        Effect.map(Effect.flatten(at(variables)), ({ status }) => status)
      expect(yield* status({})).toBe(403)
      expect(yield* status({ SESSION_CROSS_ORIGIN_TRUSTED: `https://app.example, ${evil}` })).toBe(200)
      expect(yield* status({ SESSION_CROSS_ORIGIN: "allow" })).toBe(200)
    })
  )
})
