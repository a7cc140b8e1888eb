/**
 * Clients that hang up while a handler runs: nothing is saved but what the handler has saved itself, so that no client chooses where it stops.
 */
import { type SessionConfig, SessionHttp } from "effect-session"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as HttpEffect from "#effect/http/HttpEffect"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as HttpRouter from "#test/HttpRouter"
import { describe, expect, it } from "#test/vitest"
import { AppSession, managerLayer, probe, serve } from "../support/http.js"
import { begin, bytesOf } from "../support/raw.js"

const read = Effect.flatMap(AppSession, (session) =>
  Effect.map(Effect.all([session.get("visits"), session.get("userId")]), ([visits, userId]) =>
    HttpServerResponse.text(`${visits} ${Option.getOrElse(userId, () => "nobody")}`)
  )
)

const visits = (n: number) => Effect.flatMap(AppSession, (session) => session.set("visits", n))
const user = (name: string) => Effect.flatMap(AppSession, (session) => session.set("userId", name))
const save = Effect.flatMap(AppSession, (session) => session.save)

/** A place in a handler where it waits: `reached` is when it is there, `left` when it was interrupted there. */
const makePlace = Effect.map(
  Effect.all([Deferred.make<void>(), Deferred.make<void>(), Deferred.make<void>()]),
  ([reached, go, left]) => ({
    here: Deferred.succeed(reached, undefined).pipe(
      Effect.andThen(Deferred.await(go)),
      Effect.onInterrupt(() => Deferred.succeed(left, undefined))
    ),
    reached: Deferred.await(reached),
    go: Deferred.succeed(go, undefined),
    left: Deferred.await(left)
  })
)

const pause = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 100)))

describe("a client that hangs up", () => {
  type Handler = Effect.Effect<void, unknown, AppSession | HttpServerRequest.HttpServerRequest>

  /** What the session is after a client has hung up where the handler waits; it was `0 ada` before. */
  const outcomeOf = (
    handler: (here: Effect.Effect<void>) => Handler,
    { uninterruptible = false, body = "", length = 0, options = {} as SessionConfig.Options } = {}
  ) =>
    Effect.gen(function* () {
      const place = yield* makePlace
      const { calls, provider } = probe()
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/read", read),
        HttpRouter.get("/sign-in", Effect.as(user("ada"), HttpServerResponse.empty())),
        HttpRouter.post("/pay", Effect.as(handler(place.here), HttpServerResponse.text("paid")), { uninterruptible }),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { as, send, url } = yield* serve(app, options, provider)
      const cookie = (yield* send("/sign-in")).cookie!
      calls.length = 0
      const headers = { cookie, "content-length": String(length) }
      const hangUp = yield* begin(url, bytesOf("POST", "/pay", headers, body))
      yield* place.reached
      yield* hangUp
      if (uninterruptible) {
        yield* pause
        yield* place.go
      } else {
        yield* place.left
      }
      // Until nothing happens any more.
      for (let seen = -1; seen !== calls.length; yield* pause) {
        seen = calls.length
      }
      const cost = calls.splice(0)
      return { session: (yield* as(cookie)("/read")).body, cost }
    })

  it.effect("before the first change: nothing happens", () =>
    Effect.map(
      outcomeOf((here) => Effect.andThen(here, visits(5))),
      (result) => expect(result).toEqual({ session: "0 ada", cost: [] })
    )
  )

  it.effect("between two changes: neither is saved", () =>
    Effect.map(
      outcomeOf((here) => Effect.andThen(visits(5), Effect.andThen(here, user("paid")))),
      (result) => expect(result).toEqual({ session: "0 ada", cost: [] })
    )
  )

  it.effect("after the session was read: nothing is saved, nor its lifetime renewed", () =>
    Effect.map(
      outcomeOf((here) =>
        Effect.flatMap(AppSession, (session) =>
          session.get("visits").pipe(Effect.andThen(session.touch), Effect.andThen(here))
        )
      ),
      (result) => expect(result).toEqual({ session: "0 ada", cost: ["read"] })
    )
  )

  it.effect("after the last change: not saved either", () =>
    Effect.map(
      outcomeOf((here) => Effect.andThen(visits(5), here)),
      ({ session }) => expect(session).toBe("0 ada")
    )
  )

  it.effect("what save saved before stays, and nothing else", () =>
    Effect.map(
      outcomeOf((here) => Effect.all([visits(5), save, user("paid"), here], { discard: true })),
      (result) => expect(result).toEqual({ session: "5 ada", cost: ["read", "write"] })
    )
  )

  it.effect("a destroy before it stands, without what came after the destroy", () =>
    Effect.map(
      outcomeOf((here) =>
        Effect.flatMap(AppSession, (session) => Effect.all([session.destroy, user("eve"), here], { discard: true }))
      ),
      (result) => expect(result).toEqual({ session: "0 nobody", cost: ["destroy"] })
    )
  )

  it.effect("an id that was to be renewed stays", () =>
    Effect.map(
      outcomeOf((here) => Effect.flatMap(AppSession, (session) => Effect.andThen(session.regenerate, here))),
      (result) => expect(result).toEqual({ session: "0 ada", cost: [] })
    )
  )

  describe.each([
    ["dies", Effect.die("finalizer")],
    ["dies of a response", Effect.die(HttpServerResponse.empty({ status: 404 }))]
  ] as const)("whose handler has a finalizer that %s", (_, finalizer) => {
    it.effect.each([false, true])("saves nothing, with keepOnServerError: %s", (keepOnServerError) =>
      Effect.map(
        outcomeOf((here) => Effect.ensuring(Effect.andThen(visits(5), here), finalizer), {
          options: { keepOnServerError }
        }),
        (result) => expect(result).toEqual({ session: "0 ada", cost: [] })
      )
    )
  })

  it.effect("a handler that is uninterruptible gets to its end, and is saved", () =>
    Effect.map(
      outcomeOf((here) => Effect.all([visits(5), here, user("paid")], { discard: true }), { uninterruptible: true }),
      (result) => expect(result).toEqual({ session: "5 paid", cost: ["read", "write"] })
    )
  )

  it.effect.each(["", "only a part"])("while the handler waits for a body of which came %j: nothing is saved", (body) =>
    Effect.map(
      outcomeOf(
        (here) =>
          Effect.gen(function* () {
            yield* visits(5)
            const request = yield* HttpServerRequest.HttpServerRequest
            yield* Effect.forkChild(here)
            yield* request.text
            yield* user("paid")
          }),
        { body, length: 1000 }
      ),
      ({ session }) => expect(session).toBe("0 ada")
    )
  )

  it.effect("a web handler's signal does the same", () =>
    Effect.gen(function* () {
      const place = yield* makePlace
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/read", read),
        HttpRouter.get("/sign-in", Effect.as(user("ada"), HttpServerResponse.empty())),
        HttpRouter.get("/pay", Effect.all([visits(5), place.here], { discard: true }).pipe(Effect.andThen(read))),
        HttpRouter.use(SessionHttp.middleware(AppSession))
      )
      const { dispose, handler } = HttpEffect.toWebHandlerLayer(app, managerLayer())
      const go = (path: string, cookie = "", signal?: AbortSignal) =>
        handler(new Request(`http://localhost${path}`, { headers: { cookie }, ...(signal && { signal }) }))
      const signedIn = yield* Effect.promise(() => go("/sign-in"))
      const cookie = signedIn.headers.getSetCookie()[0]!.split(";")[0]!
      const controller = new AbortController()
      void go("/pay", cookie, controller.signal)
      yield* place.reached
      controller.abort()
      yield* place.left
      yield* pause
      expect(yield* Effect.promise(async () => (await go("/read", cookie)).text())).toBe("0 ada")
      yield* Effect.promise(dispose)
    })
  )
})
