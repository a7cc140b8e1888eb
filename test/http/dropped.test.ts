/**
 * Changes that are dropped are dropped for good: nothing that comes later in the request stores them.
 */
import { type SessionConfig, SessionError, SessionHttp, type SessionStore } from "effect-session"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { AppSession, probe, serve } from "../support/http.js"

type Session = SessionStore.Session<typeof AppSession.fields>

const mount = SessionHttp.middleware(AppSession)

const read = Effect.flatMap(AppSession, (session) =>
  Effect.map(Effect.all([session.get("visits"), session.get("userId")]), ([visits, userId]) =>
    HttpServerResponse.text(`${visits} ${Option.getOrElse(userId, () => "nobody")}`)
  )
)

const count = (session: Session) => session.update("visits", (n) => n + 1)

describe("an app that answers 5xx, and another mount that answers instead of it", () => {
  const first = {
    "changed the session": (session: Session) => Effect.andThen(count(session), session.set("userId", "half")),
    "was to change its id": (session: Session) => Effect.andThen(session.regenerate, session.set("userId", "half"))
  }

  describe.each(Object.entries(first))("which %s", (_, change) => {
    it.effect.each([true, false])("stores the change of the other alone, of a visitor who is known: %s", (known) =>
      Effect.gen(function* () {
        const broken = mount(Effect.as(Effect.flatMap(AppSession, change), HttpServerResponse.empty({ status: 500 })))
        const fallback = mount(Effect.andThen(Effect.flatMap(AppSession, count), read))
        const app = HttpRouter.empty.pipe(
          HttpRouter.get("/start", fallback),
          HttpRouter.get("/read", mount(read)),
          HttpRouter.get(
            "/",
            Effect.flatMap(broken, (response) => (response.status < 500 ? Effect.succeed(response) : fallback))
          )
        )
        const { as, send } = yield* serve(app)
        const start = known ? (yield* send("/start")).cookie : undefined
        const answer = yield* as(start)("/")
        const seen = known ? "2 nobody" : "1 nobody"
        expect([answer.status, answer.body, answer.setCookie.length]).toEqual([200, seen, known ? 0 : 1])
        expect((yield* as(start ?? answer.cookie)("/read")).body).toBe(seen)
      })
    )
  })
})

describe("changes that could not be saved at the end of their request", () => {
  const away = Effect.fail(new SessionError({ reason: "Unavailable", message: "probe: away" }))

  const begin = (change: (session: Session) => Effect.Effect<unknown, SessionError>, options: SessionConfig.Options) =>
    Effect.gen(function* () {
      let isAway = false
      const [go, touched] = [yield* Deferred.make<void>(), yield* Deferred.make<boolean>()]
      const { calls, provider } = probe((inner) => ({
        write: (...args) => (isAway ? away : inner.write(...args)),
        regenerate: (...args) => (isAway ? away : inner.regenerate(...args))
      }))
      const late = Effect.flatMap(AppSession, (session) =>
        Deferred.await(go).pipe(
          Effect.andThen(Effect.exit(session.touch)),
          Effect.flatMap((exit) => Deferred.succeed(touched, Exit.isSuccess(exit)))
        )
      )
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/start", Effect.andThen(Effect.flatMap(AppSession, count), read)),
        HttpRouter.get("/read", read),
        HttpRouter.get(
          "/go",
          Effect.as(
            Effect.andThen(Effect.flatMap(AppSession, change), Effect.forkDetach(late)),
            HttpServerResponse.text("done")
          )
        ),
        HttpRouter.use(mount)
      )
      const { as, manager, send } = yield* serve(app, options, provider)
      const me = as((yield* send("/start")).cookie)
      isAway = true
      calls.length = 0
      const { status } = yield* me("/go")
      isAway = false
      const before = calls.splice(0)
      yield* Deferred.succeed(go, undefined)
      yield* Deferred.await(touched)
      return { status, before, later: [...calls], session: (yield* me("/read")).body, active: yield* manager.count }
    })

  it.effect.each([
    ["503", 503],
    ["response", 200]
  ] as const)("are not stored by a touch after that (whenNotSaved: %s)", ([whenNotSaved, status]) =>
    Effect.gen(function* () {
      expect(yield* begin(count, { whenNotSaved })).toEqual({
        status,
        before: ["read", "write"],
        later: [],
        session: "1 nobody",
        active: 1
      })
    })
  )

  it.effect("nor is the id changed, which nobody would be told", () =>
    Effect.gen(function* () {
      const login = (session: Session) => Effect.andThen(session.regenerate, session.set("userId", "ada"))
      expect(yield* begin(login, {})).toEqual({
        status: 503,
        before: ["read", "regenerate"],
        later: [],
        session: "1 nobody",
        active: 1
      })
    })
  )
})
