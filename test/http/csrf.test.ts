/**
 * The token of forms: of one session, of one sign-in, and another one in each response.
 */
import { type SessionConfig, SessionError, SessionHttp, type SessionStore } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Effect from "#effect/Effect"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Schema from "#effect/Schema"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { AppSession, probe, serve } from "../support/http.js"
import { bytesOf, exchange } from "../support/raw.js"

const { csrf } = SessionHttp

const text = <E, R>(handler: Effect.Effect<string, E, R>) =>
  Effect.map(handler, (text) => HttpServerResponse.text(text))

const token = Effect.flatMap(AppSession, csrf.token)

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/token", text(token)),
  HttpRouter.get("/two", text(Effect.map(Effect.zip(token, token), (both) => both.join(" ")))),
  HttpRouter.get(
    "/failing",
    Effect.map(token, (text) => HttpServerResponse.text(text, { status: 500 }))
  ),
  HttpRouter.post(
    "/count",
    text(
      Effect.flatMap(AppSession, (session) =>
        Effect.andThen(
          csrf.verify(session),
          Effect.map(
            session.update("visits", (n) => n + 1),
            String
          )
        )
      )
    )
  ),
  HttpRouter.post(
    "/name",
    text(
      Effect.gen(function* () {
        yield* csrf.verify(yield* AppSession)
        const { name } = yield* HttpServerRequest.schemaBodyUrlParams(Schema.Struct({ name: Schema.String }))
        return name
      })
    )
  ),
  HttpRouter.post(
    "/check/:token",
    text(
      Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ url }) =>
        Effect.flatMap(AppSession, (session) =>
          Effect.as(csrf.check(session, decodeURIComponent(url.slice(url.lastIndexOf("/") + 1))), "right")
        )
      )
    )
  ),
  HttpRouter.post("/in", text(Effect.flatMap(AppSession, (session) => Effect.andThen(session.signIn("ada"), token)))),
  HttpRouter.post("/other", text(Effect.flatMap(AppSession, (session) => Effect.as(session.signIn("bob"), "in")))),
  HttpRouter.post("/renew", text(Effect.flatMap(AppSession, (session) => Effect.as(session.regenerate, "renewed")))),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

const begin = (options: SessionConfig.Options = {}, backend?: Parameters<typeof serve>[2]) =>
  Effect.gen(function* () {
    const server = yield* serve(app, options, backend)
    const post = (path: string, cookie?: string, token?: string) =>
      server.as(cookie)(path, { method: "POST", headers: token === undefined ? {} : { "x-csrf-token": token } })
    const visitor = Effect.map(server.send("/token"), ({ body, cookie }) => ({ token: body, cookie: cookie! }))
    return { ...server, post, visitor }
  })

describe("a token", () => {
  it.effect("is good for its session alone, as often as it is sent", () =>
    Effect.gen(function* () {
      const { post, visitor } = yield* begin()
      const [one, other] = [yield* visitor, yield* visitor]
      expect((yield* post("/count", one.cookie, one.token)).body).toBe("1")
      expect((yield* post("/count", one.cookie, one.token)).body).toBe("2")
      for (const wrong of [
        undefined,
        "",
        other.token,
        one.token.slice(1),
        `${one.token}A`,
        "A".repeat(86),
        "é".repeat(90)
      ]) {
        const path = wrong === undefined ? "/count" : `/check/${encodeURIComponent(wrong || "-")}`
        const answer = yield* post(path, one.cookie)
        expect([path, answer.status]).toEqual([path, 403])
      }
      expect((yield* post("/count", one.cookie, other.token)).status).toBe(403)
      expect((yield* post("/count", undefined, one.token)).status).toBe(403)
      expect((yield* post(`/check/${one.token}`, one.cookie)).body).toBe("right")
    })
  )

  it.effect("is another one each time, and they have no part in common", () =>
    Effect.gen(function* () {
      const { as, post, visitor } = yield* begin()
      const { cookie, token } = yield* visitor
      const [first, second] = (yield* as(cookie)("/two")).body.split(" ")
      const all = [token, first!, second!]
      for (const one of all) expect((yield* post("/count", cookie, one)).status).toBe(200)
      const bytes = all.map((one) => Buffer.from(one, "base64url"))
      for (let at = 0; at < 64; at += 8) {
        expect(new Set(bytes.map((one) => one.subarray(at, at + 8).toString("hex"))).size).toBe(3)
      }
    })
  )

  it.effect("ends with a sign-in and with another person's, and stays when the id changes", () =>
    Effect.gen(function* () {
      const { as, post, visitor } = yield* begin()
      const { cookie, token } = yield* visitor
      const renewed = (yield* post("/renew", cookie)).cookie!
      expect((yield* post("/count", renewed, token)).body).toBe("1")
      const ada = yield* post("/in", renewed)
      expect((yield* post("/count", ada.cookie, token)).status).toBe(403)
      expect((yield* post("/count", ada.cookie, ada.body)).body).toBe("2")
      const bob = yield* post("/other", ada.cookie)
      expect((yield* post("/count", bob.cookie, ada.body)).status).toBe(403)
      expect((yield* post("/count", bob.cookie, (yield* as(bob.cookie)("/token")).body)).body).toBe("1")
    })
  )

  it.effect("of two pages that are the first at the same time, both are good", () =>
    Effect.gen(function* () {
      const { as, post } = yield* begin({}, probe().provider)
      const { cookie } = yield* post("/other")
      const tokens = yield* Effect.all([as(cookie)("/token"), as(cookie)("/token")], { concurrency: "unbounded" })
      for (const { body } of tokens) expect((yield* post("/count", cookie, body)).status).toBe(200)
    })
  )

  it.effect("works with sealed cookies as well", () =>
    Effect.gen(function* () {
      const { post, visitor } = yield* begin({}, yield* Cookie.make({ keys: [key()] }))
      const [one, other] = [yield* visitor, yield* visitor]
      expect((yield* post("/count", one.cookie, one.token)).body).toBe("1")
      expect((yield* post("/count", one.cookie, other.token)).status).toBe(403)
    })
  )

  it.effect("costs no call but those of a session that is read, once it has one", () =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const { as, visitor } = yield* begin({}, provider)
      const { cookie } = yield* visitor
      expect(calls).toEqual(["create"])
      yield* as(cookie)("/token")
      expect(calls).toEqual(["create", "read"])
    })
  )
})

it.effect("a form's field is found, and the handler reads the form after it", () =>
  Effect.gen(function* () {
    const { url, visitor } = yield* begin()
    const { cookie, token } = yield* visitor
    const send = (body: string, type = "application/x-www-form-urlencoded; charset=utf-8") =>
      exchange(
        url,
        bytesOf(
          "POST",
          "/name",
          { cookie, connection: "close", "content-type": type, "content-length": String(body.length) },
          body
        )
      )
    const right = yield* send(`name=ada&_csrf=${token}`)
    expect([right.status, right.body]).toEqual([200, "ada"])
    for (const body of ["name=ada", `name=ada&csrf=${token}`, "name=ada&_csrf=", ""]) {
      expect((yield* send(body)).status).toBe(403)
    }
    expect((yield* send(`name=ada&_csrf=${token}`, "text/plain")).status).toBe(403)
  })
)

it.effect("needs a session of SessionHttp", () =>
  Effect.gen(function* () {
    const strange = {} as SessionStore.Session<typeof AppSession.fields>
    const error = yield* Effect.flip(csrf.token(strange))
    expect(error).toBeInstanceOf(SessionError)
    expect(error.reason).toBe("Unsupported")
  })
)
