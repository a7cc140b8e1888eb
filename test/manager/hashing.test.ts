// Turning hashed ids on while people are signed in: `id.hashed: "migrating"`.
import { SessionConfig, SessionHttp, SessionManager, SessionProvider, SessionStore } from "effect-session"
import * as Memory from "effect-session/memory"
import { signIn } from "effect-session/testing"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Stream from "#effect/Stream"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import * as BeegoRedis from "../../src/beego/layouts/redis.js"
import { shared } from "../provider/shared.js"
import { suite } from "../servers/need.js"
import * as Servers from "../servers/Redis.js"
import { AppSession, managerLayer, serve } from "../support/http.js"

const options = (hashed: boolean | "migrating"): SessionConfig.Options => ({
  id: { bytes: 16, encoding: "hex", hashed },
  cookie: { secure: false }
})

const app = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/me",
    Effect.flatMap(AppSession, (session) =>
      Effect.map(session.get("userId"), (user) => HttpServerResponse.text(Option.getOrElse(user, () => "anonymous")))
    )
  ),
  HttpRouter.post(
    "/visits",
    Effect.flatMap(AppSession, (session) =>
      Effect.as(
        session.update("visits", (n) => n + 1),
        HttpServerResponse.empty()
      )
    )
  ),
  HttpRouter.post(
    "/logout",
    Effect.flatMap(AppSession, (session) => Effect.as(session.destroy, HttpServerResponse.empty()))
  ),
  HttpRouter.post(
    "/renew",
    Effect.flatMap(AppSession, (session) => Effect.as(session.regenerate, HttpServerResponse.empty()))
  ),
  SessionHttp.middleware(AppSession)
)

/** The cookie of someone who signed in before ids were hashed. */
const signedIn = (provider: SessionProvider.Provider) =>
  Effect.map(
    signIn(AppSession, (session) => session.set("userId", "ada")).pipe(
      Effect.provide(managerLayer(options(false), provider))
    ),
    (headers) => headers["cookie"]!
  )

const idIn = (cookie: string) => cookie.slice(cookie.indexOf("=") + 1)

const keys = (provider: SessionProvider.Provider) =>
  Effect.map(Stream.runCollect(provider.list!), (ids) => [...ids] as ReadonlyArray<string>)

describe("hashed ids, turned on while people are signed in", () => {
  it.effect("nobody is logged out, and the backend knows no id any more that was used since", () =>
    Effect.gen(function* () {
      const provider = Memory.make()
      const cookie = yield* signedIn(provider)
      expect(yield* keys(provider)).toEqual([idIn(cookie)])

      const migrating = yield* serve(app, options("migrating"), provider)
      const answer = yield* migrating.as(cookie)("/me")
      expect(answer.body).toBe("ada")
      expect(answer.setCookie).toEqual([])
      const [hash, ...others] = yield* keys(provider)
      expect(others).toEqual([])
      expect(hash).toMatch(/^[A-Za-z0-9_-]{43}$/)

      const hashed = yield* serve(app, options(true), provider)
      expect((yield* hashed.as(cookie)("/me")).body).toBe("ada")
      // What somebody saw in the backend is of no use.
      expect((yield* migrating.as(cookie.replace(idIn(cookie), hash!))("/me")).body).toBe("anonymous")
    })
  )

  it.effect("moving keeps the lifetime that is left", () =>
    Effect.gen(function* () {
      const provider = Memory.make()
      const cookie = yield* signedIn(provider)
      const id = idIn(cookie) as SessionProvider.StoredId
      const before = Option.getOrThrow(yield* provider.read(id)).expiresAt
      const migrating = yield* serve(app, options("migrating"), provider)
      yield* migrating.as(cookie)("/me")
      const [hash] = yield* keys(provider)
      const after = Option.getOrThrow(yield* provider.read(hash as SessionProvider.StoredId)).expiresAt
      expect(Math.abs(after - before)).toBeLessThan(50)
    })
  )

  for (const [what, path] of [
    ["ended", "/logout"],
    ["renewed", "/renew"]
  ] as const) {
    it.effect(`a session that is ${what} before it has moved is gone under both ids`, () =>
      Effect.gen(function* () {
        const provider = Memory.make()
        const cookie = yield* signedIn(provider)
        const migrating = yield* serve(app, options("migrating"), provider)
        const next = yield* migrating.as(cookie)(path, { method: "POST" })
        expect((yield* migrating.as(cookie)("/me")).body).toBe("anonymous")
        const before = yield* serve(app, options(false), provider)
        expect((yield* before.as(cookie)("/me")).body).toBe("anonymous")
        expect((yield* migrating.as(next.cookie)("/me")).body).toBe(what === "renewed" ? "ada" : "anonymous")
        expect((yield* keys(provider)).length).toBe(what === "renewed" ? 1 : 0)
      })
    )
  }

  it.effect("a late write after the sign-out of one that was still under its id is a 503, and begins nothing", () =>
    Effect.gen(function* () {
      const provider = Memory.make()
      const cookie = yield* signedIn(provider)
      const migrating = yield* serve(app, options("migrating"), provider)
      expect((yield* migrating.as(cookie)("/logout", { method: "POST" })).status).toBe(204)
      const late = yield* migrating.as(cookie)("/visits", { method: "POST" })
      expect([late.status, late.setCookie]).toEqual([503, []])
      expect(yield* keys(provider)).toEqual([])
    })
  )

  it.effect("a change that a process of before has under way is carried along, when one of now moves the session", () =>
    Effect.gen(function* () {
      const provider = Memory.make()
      const cookie = yield* signedIn(provider)
      const [reached, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const slow = HttpRouter.empty.pipe(
        HttpRouter.post(
          "/visits",
          Effect.flatMap(AppSession, (session) =>
            Effect.gen(function* () {
              yield* session.update("visits", (n) => n + 1)
              yield* session.get("visits")
              yield* Deferred.succeed(reached, undefined)
              yield* Deferred.await(go)
              return HttpServerResponse.empty()
            })
          )
        ),
        SessionHttp.middleware(AppSession)
      )
      const before = yield* serve(slow, options(false), provider)
      const migrating = yield* serve(app, options("migrating"), provider)
      const changing = yield* Effect.forkChild(before.as(cookie)("/visits", { method: "POST" }))
      yield* Deferred.await(reached)
      expect((yield* migrating.as(cookie)("/me")).body).toBe("ada")
      yield* Deferred.succeed(go, undefined)
      expect((yield* Fiber.join(changing)).status).toBe(204)
      const session = yield* SessionManager.open(AppSession, SessionStore.sessionId(idIn(cookie))).pipe(
        Effect.provide(managerLayer(options("migrating"), provider))
      )
      expect([yield* session.get("visits"), yield* session.get("userId")]).toEqual([1, Option.some("ada")])
    })
  )

  it.effect("one that is listed under its id, and one under its hash, can be ended by what is listed", () =>
    Effect.gen(function* () {
      const provider = Memory.make()
      const old = yield* signedIn(provider)
      const moved = yield* signedIn(provider)
      const layer = managerLayer(options("migrating"), provider)
      yield* Effect.provide(SessionManager.open(AppSession, SessionStore.sessionId(idIn(moved))), layer)
      const listed = yield* keys(provider)
      expect(listed).toContain(idIn(old))
      expect(listed).not.toContain(idIn(moved))
      yield* Effect.forEach(listed, (id) =>
        Effect.provide(SessionManager.destroy(id as SessionProvider.StoredId), layer)
      )
      expect(yield* keys(provider)).toEqual([])
    })
  )

  it.effect("is refused where an id could be taken for a hash", () =>
    Effect.gen(function* () {
      for (const id of [
        { hashed: "migrating" },
        { hashed: "migrating", encoding: "hex", bytes: 16, prefix: "elevenchars" }
      ] as const) {
        const error = yield* Effect.flip(SessionConfig.make({ id }))
        expect(error.message).toMatch(/^id\.hashed: migrating needs ids that cannot be taken for hashes/)
      }
      const error = yield* Effect.flip(SessionConfig.make({ id: { hashed: "perhaps" as "migrating" } }))
      expect(error.message).toBe('id.hashed: expected true, false or "migrating"')
    })
  )
})

suite("hashed ids, turned on over beego's redis", ["redis-server"], () => {
  const server = shared(Servers.single())

  const provider = Effect.flatMap(server, ({ url }) =>
    Effect.map(Layer.build(BeegoRedis.layer({ kind: "redis", url })), (context) =>
      Effect.runSync(Effect.provide(SessionProvider.SessionProvider, context))
    )
  )

  it.live("64 requests at once, to two processes, move it once and lose nothing", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 10; round++) {
        const cookie = yield* signedIn(yield* provider)
        const one = yield* serve(app, options("migrating"), yield* provider)
        const two = yield* serve(app, options("migrating"), yield* provider)
        const answers = yield* Effect.all(
          Array.from({ length: 64 }, (_, i) =>
            i % 4 < 2
              ? (i % 2 ? one : two).as(cookie)("/me")
              : (i % 2 ? one : two).as(cookie)("/visits", { method: "POST" })
          ),
          { concurrency: "unbounded" }
        )
        expect(answers.map(({ body, status }) => body || status)).toEqual(
          Array.from({ length: 64 }, (_, i) => (i % 4 < 2 ? "ada" : 204))
        )
        const visits = yield* Effect.flatMap(
          SessionManager.open(AppSession, SessionStore.sessionId(idIn(cookie))),
          (session) => session.get("visits")
        ).pipe(Effect.provide(managerLayer(options(true), yield* provider)))
        expect(visits).toBe(32)
      }
    })
  )
})
