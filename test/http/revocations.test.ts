/**
 * Sealed sessions with a provider of revocations, over HTTP: for how long a copy of an ended session counts as a late one, and a provider
 * that does not answer.
 */
import { type SessionConfig, SessionHttp, type SessionProvider, type SessionStore } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { sessionOf } from "../support/events.js"
import { AppSession, probe, serve } from "../support/http.js"

type Session = SessionStore.Session<typeof AppSession.fields>

const using = <A, E>(use: (session: Session) => Effect.Effect<A, E>) =>
  Effect.map(Effect.flatMap(AppSession, use), (value) => HttpServerResponse.text(String(value)))

const app = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/read",
    using((session) =>
      Effect.map(
        Effect.result(session.get("visits")),
        Result.match({ onFailure: ({ reason }) => reason, onSuccess: String })
      )
    )
  ),
  HttpRouter.get(
    "/count",
    using((session) => session.update("visits", (n) => n + 1))
  ),
  HttpRouter.get(
    "/login",
    using((session) => Effect.andThen(session.regenerate, session.set("userId", "ada")))
  ),
  HttpRouter.get(
    "/logout",
    using((session) => session.destroy)
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)

const begin = (revocations: SessionProvider.Provider, options: SessionConfig.Options = {}) =>
  Effect.gen(function* () {
    const server = yield* serve(app, options, yield* Cookie.make({ keys: [key()], revocations }))
    const { cookie } = yield* server.send("/count")
    return { ...server, me: server.as(cookie), cookie }
  })

describe("a copy of a session that is over", () => {
  for (const path of ["/logout", "/login"]) {
    it.effect(`is a late one for a minute after ${path}, and then begins another session`, () =>
      Effect.gen(function* () {
        const { as, me } = yield* begin(probe().provider, { idleTimeout: "8 hours" })
        expect((yield* me(path)).status).toBe(200)
        for (const pass of ["0 seconds", "59 seconds"] as const) {
          yield* TestClock.adjust(pass)
          const late = yield* me("/count")
          expect([late.status, late.setCookie]).toEqual([503, []])
        }
        yield* TestClock.adjust("2 seconds")
        const begun = yield* me("/count")
        expect([begun.status, begun.body, begun.setCookie.length]).toEqual([200, "1", 1])
        expect((yield* as(begun.cookie)("/read")).body).toBe("1")
        // It stays what it is: a copy that nobody can read.
        expect((yield* me("/read")).body).toBe("0")
      })
    )
  }
})

describe("revocations that are not answered for", () => {
  for (const [what, call, path, expected] of [
    ["of a request that reads", "exists", "/read", "200 Unavailable"],
    ["of one that changes its session", "read", "/count", "503 "],
    ["of one that ends it", "create", "/logout", "503 "]
  ] as const) {
    it.live(`are Unavailable within the timeout, ${what}`, () =>
      Effect.gen(function* () {
        let hangs = false
        const { provider } = probe((inner) => {
          const unless =
            <Args extends ReadonlyArray<any>, A, E>(name: string, answer: (...args: Args) => Effect.Effect<A, E>) =>
            (...args: Args) =>
              hangs && name === call ? Effect.never : answer(...args)
          return {
            exists: unless("exists", inner.exists),
            read: unless("read", inner.read),
            create: unless("create", inner.create)
          }
        })
        const { me } = yield* begin(provider, { timeout: "500 millis" })
        hangs = true
        const answer = yield* Effect.timeoutOption(me(path), "10 seconds")
        expect(Option.map(answer, ({ body, status }) => `${status} ${body}`)).toEqual(Option.some(expected))
        hangs = false
        expect((yield* me("/read")).body).toBe("1")
      })
    )
  }
})

describe("events", () => {
  it.effect("name the session that ended as they named the one that began, and once", () =>
    Effect.gen(function* () {
      const server = yield* serve(app, {}, yield* Cookie.make({ keys: [key()], revocations: probe().provider }))
      const kinds = ["Created", "Saved", "Destroyed"]
      let begun = 0
      const seen = yield* Effect.forkChild(
        server.manager.events.pipe(
          Stream.filter(({ _tag }) => kinds.includes(_tag)),
          // Until the next session begins.
          Stream.takeUntil(({ _tag }) => _tag === "Created" && begun++ > 0),
          Stream.runCollect
        )
      )
      yield* Effect.yieldNow
      const first = yield* server.send("/count")
      const counted = yield* server.as(first.cookie)("/count")
      yield* server.as(`${first.cookie}; ${counted.cookie}`)("/logout")
      yield* server.send("/count")
      const events = Array.from(yield* Fiber.join(seen))
      expect(events.map(({ _tag }) => _tag)).toEqual(["Created", "Saved", "Destroyed", "Created"])
      expect(new Set(events.slice(0, 3).map(sessionOf)).size).toBe(1)
      expect(sessionOf(events[0])).toBeDefined()
      expect(sessionOf(events[3])).not.toBe(sessionOf(events[0]))
    })
  )
})
