/**
 * A request is a WebSocket when its handler upgrades it, and not when a header says so: any client can send one.
 */

import { type SessionError, SessionHttp, type SessionStore } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpMiddleware from "#effect/http/HttpMiddleware"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as HttpRouter from "#test/HttpRouter"
import { forwarded } from "#test/middleware"
import { answering } from "#test/socket"
import { describe, expect, it } from "#test/vitest"
import { AppSession, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"
import { type Handlers, mounts } from "../support/mounts.js"
import { bytesOf, exchange } from "../support/raw.js"

type Session = SessionStore.Session<typeof AppSession.fields>

const using = <A>(use: (session: Session) => Effect.Effect<A, SessionError>) => Effect.flatMap(AppSession, use)

const handlers: Handlers = {
  count: Effect.map(
    using((session) => session.update("visits", (n) => n + 1)),
    String
  ),
  read: Effect.map(
    using((session) => Effect.all([session.get("visits"), session.get("userId")])),
    ([visits, userId]) => `${visits} ${Option.getOrElse(userId, () => "nobody")}`
  ),
  once: Effect.map(
    using((session) => session.take("userId")),
    Option.getOrElse(() => "nobody")
  ),
  login: Effect.as(
    using((session) => Effect.andThen(session.regenerate, session.set("userId", "ada"))),
    "in"
  ),
  logout: Effect.as(
    using((session) => session.destroy),
    "out"
  )
}

const headers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "Upgrade: websocket alone": { upgrade: "websocket" },
  "Upgrade: websocket in capitals": { upgrade: "WebSocket" },
  "Connection: Upgrade too": { upgrade: "websocket", connection: "Upgrade" },
  "all of a handshake": {
    upgrade: "websocket",
    connection: "keep-alive, Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13"
  },
  "another protocol": { upgrade: "h2c", connection: "Upgrade", "http2-settings": "AAMAAABkAARAAAAAAAIAAAAA" }
}

describe.each(Object.entries(mounts))("%s, where no handler upgrades", (_, mount) => {
  describe.each(Object.entries(headers))("with %s", (_, upgrade) => {
    const begin = Effect.gen(function* () {
      const reach = yield* mount(handlers)
      const as =
        (cookie: string | undefined) =>
        (path: string, more: Readonly<Record<string, string>> = {}) =>
          reach(path, { ...more, ...(cookie === undefined ? {} : { cookie }) })
      const login = yield* reach("/login", upgrade)
      return { as, reach, login, me: as(login.cookie) }
    })

    it.effect("a counter counts", () =>
      Effect.gen(function* () {
        const { me } = yield* begin
        const counted = [yield* me("/count", upgrade), yield* me("/count", upgrade), yield* me("/count", upgrade)]
        expect(counted.map(({ body, status }) => [status, body])).toEqual([
          [200, "1"],
          [200, "2"],
          [200, "3"]
        ])
        expect((yield* me("/read")).body).toBe("3 ada")
      })
    )

    it.effect("a one-time value is had once", () =>
      Effect.gen(function* () {
        const { me } = yield* begin
        expect([(yield* me("/once", upgrade)).body, (yield* me("/once", upgrade)).body]).toEqual(["ada", "nobody"])
      })
    )

    it.effect("a logout is one", () =>
      Effect.gen(function* () {
        const { me } = yield* begin
        const out = yield* me("/logout", upgrade)
        expect([out.status, out.setCookie[0]]).toEqual([200, expect.stringContaining("Max-Age=0")])
        expect((yield* me("/read")).body).toBe("0 nobody")
      })
    )

    it.effect("a sign-in works, and ends the id before it", () =>
      Effect.gen(function* () {
        const { as, login, me, reach } = yield* begin
        expect([login.status, login.setCookie.length]).toEqual([200, 1])
        const first = yield* reach("/count", upgrade)
        const again = yield* as(first.cookie)("/login", upgrade)
        expect((yield* as(again.cookie)("/read")).body).toBe("1 ada")
        expect((yield* as(first.cookie)("/read")).body).toBe("0 nobody")
        expect((yield* me("/read")).body).toBe("0 ada")
      })
    )
  })
})

describe("a middleware outside of the mount", () => {
  // With `Connection: Upgrade` too, Node reads no body.
  it.live.each([{}, { upgrade: "websocket" }, { upgrade: "h2c" }])("can read the body as well, with %j", (upgrade) =>
    Effect.gen(function* () {
      const echo = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ text }) =>
        Effect.map(text, (text) => HttpServerResponse.text(text))
      )
      const app = HttpRouter.empty.pipe(
        HttpRouter.post("/", Effect.andThen(handlers["count"]!, echo)),
        HttpRouter.use(SessionHttp.middleware(AppSession)),
        HttpMiddleware.make((app) =>
          Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
            Effect.flatMap(app, (response) =>
              Effect.map(Effect.timeout(Effect.interruptible(request.text), "5 seconds"), (text) =>
                HttpServerResponse.setHeader(response, "x-outer", text)
              )
            )
          )
        )
      )
      const { url } = yield* serve(app)
      const headers = { ...upgrade, connection: "close", "content-length": "3" }
      const answer = yield* exchange(url, bytesOf("POST", "/", headers, "abc"))
      expect([answer.status, answer.body, answer.headers["x-outer"]]).toEqual([200, "abc", "abc"])
    })
  )
})

describe("WebSockets", () => {
  const socket = Effect.gen(function* () {
    const session = yield* AppSession
    const commands: Record<string, Effect.Effect<unknown, SessionError>> = {
      read: session.get("visits"),
      count: session.update("visits", (n) => n + 1),
      save: Effect.as(session.save, "done"),
      regenerate: Effect.as(session.regenerate, "done"),
      destroy: Effect.as(session.destroy, "done")
    }
    return yield* answering((command) =>
      Effect.match(commands[command]!, { onFailure: (error) => String(error.reason), onSuccess: String })
    )
  })

  const app = HttpRouter.empty.pipe(
    HttpRouter.get(
      "/count",
      Effect.map(handlers["count"]!, (text) => HttpServerResponse.text(text))
    ),
    HttpRouter.get("/socket", socket),
    HttpRouter.mount("/below", HttpRouter.empty.pipe(HttpRouter.get("/socket", socket))),
    // Where the request is another object than the one that the session is mounted on.
    HttpRouter.get("/modified", forwarded(socket)),
    HttpRouter.use(SessionHttp.middleware(AppSession)),
    HttpRouter.use(forwarded)
  )

  const talk = (
    url: string,
    cookie: string,
    commands: ReadonlyArray<string>,
    path = "/socket",
    leave: "close" | "terminate" = "close"
  ) =>
    Effect.gen(function* () {
      const { WebSocket } = yield* Effect.promise(() => import("ws"))
      const ws = new WebSocket(`${url.replace("http", "ws")}${path}`, {
        headers: { cookie, "x-forwarded-host": "app.example" }
      })
      yield* Effect.promise(() => new Promise((resolve) => ws.once("open", resolve)))
      const answers: Array<string> = []
      for (const command of commands) {
        const answer = new Promise<string>((resolve) => ws.once("message", (data) => resolve(String(data))))
        ws.send(command)
        answers.push(yield* Effect.promise(() => answer))
      }
      ws[leave]()
      yield* Effect.promise(() => new Promise((resolve) => ws.once("close", resolve)))
      return answers
    })

  it.effect.each(["/socket", "/below/socket", "/modified"])(
    "can read; what they change is saved by save, and by nothing else: %s",
    (path) =>
      Effect.gen(function* () {
        const { as, send, url } = yield* serve(app)
        const { cookie } = yield* send("/count")
        expect(yield* talk(url, cookie!, ["read", "count", "save", "count", "regenerate"], path)).toEqual([
          "1",
          "2",
          "done",
          "3",
          "HeadersSent"
        ])
        expect((yield* as(cookie)("/count")).body).toBe("3")
      })
  )

  it.effect("cannot begin a session, since they cannot tell its id", () =>
    Effect.gen(function* () {
      const { manager, url } = yield* serve(app)
      expect(yield* talk(url, "", ["count", "save"])).toEqual(["1", "HeadersSent"])
      expect(yield* manager.count).toBe(0)
    })
  )

  it.effect("can end their session by destroy and save", () =>
    Effect.gen(function* () {
      const { as, send, url } = yield* serve(app)
      const { cookie } = yield* send("/count")
      expect(yield* talk(url, cookie!, ["destroy", "save"])).toEqual(["done", "done"])
      expect((yield* as(cookie)("/count")).body).not.toBe("2")
    })
  )

  it.effect.each(["close", "terminate"] as const)(
    "are warned of once if they end with changes that were not saved, and only then: %s",
    (leave) =>
      Effect.gen(function* () {
        const { layer, logged } = collectLogs()
        const { send, url } = yield* serve(app).pipe(Effect.provide(layer))
        const { cookie } = yield* send("/count")
        yield* talk(url, cookie!, ["read"], "/socket", leave)
        yield* talk(url, cookie!, ["count", "save"], "/socket", leave)
        yield* send("/count")
        expect(logged).toEqual([])
        yield* talk(url, cookie!, ["count"], "/socket", leave)
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 100)))
        expect(logged).toEqual([expect.stringMatching(/WebSocket.*session\.save/)])
      })
  )
})
