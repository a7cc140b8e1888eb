/**
 * Streams: their bodies run when the headers have left, so that nothing can be told any more.
 */

import { SessionError, SessionHttp, type SessionProvider, type SessionStore } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { AppSession, probe, serve } from "../support/http.js"
import { basics, routesOf } from "../support/mounts.js"

type Session = SessionStore.Session<typeof AppSession.fields>

const uses: Readonly<Record<string, (session: Session) => Effect.Effect<unknown, SessionError>>> = {
  set: (session) => session.set("visits", 9),
  update: (session) => session.update("visits", (n) => n + 1),
  take: (session) => session.take("userId"),
  delete: (session) => session.delete("userId"),
  flush: (session) => session.flush,
  regenerate: (session) => session.regenerate,
  destroy: (session) => session.destroy,
  save: (session) => session.save,
  updateAndSave: (session) => session.updateAndSave("visits", (n) => n + 1),
  touch: (session) => session.touch,
  get: (session) => session.get("visits"),
  isNew: (session) => session.isNew
}

/** What a use of the session says in a stream, after the headers. */
const app = Object.entries(uses)
  .reduce<HttpRouter.HttpRouter<SessionError, AppSession>>(
    (router, [name, use]) =>
      HttpRouter.get(
        router,
        `/${name}`,
        Effect.map(AppSession, (session) =>
          HttpServerResponse.stream(
            Stream.encodeText(
              Stream.fromEffect(
                Effect.match(use(session), { onFailure: ({ reason }) => reason, onSuccess: (value) => `done ${value}` })
              )
            )
          )
        )
      ),
    routesOf({ read: basics.read })
  )
  .pipe(
    HttpRouter.get(
      "/begin",
      Effect.flatMap(AppSession, (session) =>
        Effect.as(Effect.andThen(session.set("visits", 1), session.set("userId", "ada")), HttpServerResponse.empty())
      )
    ),
    HttpRouter.get(
      "/before",
      Effect.gen(function* () {
        const session = yield* AppSession
        yield* session.update("visits", (n) => n + 1)
        const late = Effect.match(session.set("userId", "late"), {
          onFailure: (error) => error.reason,
          onSuccess: () => "changed"
        })
        const read = Effect.map(session.get("visits"), (n) => ` after ${n}`)
        return HttpServerResponse.stream(
          Stream.encodeText(Stream.concat(Stream.fromEffect(late), Stream.fromEffect(read)))
        )
      })
    ),
    HttpRouter.use(SessionHttp.middleware(AppSession))
  )

const begin = (change?: (provider: SessionProvider.Provider) => Partial<SessionProvider.Provider>) =>
  Effect.gen(function* () {
    const { calls, provider } = probe(change)
    const server = yield* serve(app, {}, provider)
    const { cookie } = yield* server.send("/begin")
    calls.length = 0
    return { ...server, calls, me: server.as(cookie) }
  })

describe("in a stream", () => {
  it.effect("what was changed before the headers is saved; a change after them is an error that says so", () =>
    Effect.gen(function* () {
      const { as, me, send } = yield* begin()
      const answer = yield* send("/before")
      expect(answer.body).toBe("HeadersSent after 1")
      expect((yield* as(answer.cookie)("/read")).body).toBe("1")
      expect((yield* me("/before")).body).toBe("HeadersSent after 2")
    })
  )

  it.effect.each(["set", "update", "take", "delete", "flush", "regenerate", "destroy", "save", "updateAndSave"])(
    "%s fails with HeadersSent, and changes nothing",
    (name) =>
      Effect.gen(function* () {
        const { calls, me } = yield* begin()
        const answer = yield* me(`/${name}`)
        expect([answer.status, answer.body, answer.setCookie]).toEqual([200, "HeadersSent", []])
        expect(calls.filter((call) => call !== "read")).toEqual([])
        expect((yield* me("/read")).body).toBe("1")
      })
  )

  it.effect("the session can be read", () =>
    Effect.gen(function* () {
      const { me } = yield* begin()
      expect([(yield* me("/get")).body, (yield* me("/isNew")).body]).toEqual(["done 1", "done false"])
    })
  )

  it.effect("touch renews the lifetime at once", () =>
    Effect.gen(function* () {
      const { calls, me } = yield* begin()
      yield* TestClock.adjust("20 minutes")
      expect((yield* me("/touch")).body).toBe("done undefined")
      expect(calls).toEqual(["read", "touch"])
      yield* TestClock.adjust("20 minutes")
      expect((yield* me("/read")).body).toBe("1")
    })
  )

  it.effect("touch keeps the session of a stream that lasts", () =>
    Effect.gen(function* () {
      const long = HttpRouter.empty.pipe(
        HttpRouter.get(
          "/events",
          Effect.map(AppSession, (session) =>
            HttpServerResponse.stream(
              Stream.fromEffectRepeat(
                Effect.as(Effect.andThen(Effect.sleep("5 minutes"), session.touch), new TextEncoder().encode("x"))
              ).pipe(Stream.take(12), Stream.orDie)
            )
          )
        ),
        HttpRouter.use(SessionHttp.middleware(AppSession)),
        HttpRouter.concat(app)
      )
      const { as, send } = yield* serve(long, {}, probe().provider)
      const { cookie } = yield* send("/begin")
      const events = yield* Effect.forkChild(as(cookie)("/events"))
      for (let i = 0; i < 12; i++) {
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
        yield* TestClock.adjust("5 minutes")
      }
      expect((yield* Fiber.join(events)).body).toBe("x".repeat(12))
      expect((yield* as(cookie)("/read")).body).toBe("1")
    })
  )

  it.effect("touch tells if the backend is away", () =>
    Effect.gen(function* () {
      const { me } = yield* begin(() => ({
        touch: () => Effect.fail(new SessionError({ reason: "Unavailable", message: "probe: away" }))
      }))
      yield* TestClock.adjust("20 minutes")
      expect((yield* me("/touch")).body).toBe("Unavailable")
    })
  )
})
