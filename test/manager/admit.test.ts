/**
 * `admit` says whether a client without a session gets one: asked before a session begins, and never for one that is
 * there.
 */
import { type SessionError, SessionHttp } from "effect-session"
import * as Cause from "#effect/Cause"
import * as Effect from "#effect/Effect"
import * as HttpServer from "#effect/http/HttpServer"
import type { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Logger from "#effect/Logger"
import { SessionLive } from "#test/admit"
import * as HttpRouter from "#test/HttpRouter"
import * as Logs from "#test/logs"
import { behindProxy } from "#test/middleware"
import * as NodeHttpServer from "#test/NodeHttpServer"
import { describe, expect, it } from "#test/vitest"
import { AppSession, client, probe, serve } from "../support/http.js"
import { collectLogs } from "../support/logs.js"
import { onPlaces, type Place } from "../support/places.js"

type Session = Effect.Success<typeof AppSession>

const responding = (change: (session: Session) => Effect.Effect<unknown, SessionError>) =>
  Effect.as(Effect.flatMap(AppSession, change), HttpServerResponse.text("done"))

const caught = (effect: Effect.Effect<void, SessionError>) =>
  Effect.match(effect, { onFailure: ({ reason }) => reason, onSuccess: () => "saved" })

const app = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/look",
    responding((session) => session.get("visits"))
  ),
  HttpRouter.get(
    "/count",
    responding((session) => session.update("visits", (n) => n + 1))
  ),
  HttpRouter.get(
    "/in",
    responding((session) => session.signIn("ada"))
  ),
  HttpRouter.get(
    "/renew",
    responding((session) => session.regenerate)
  ),
  HttpRouter.get(
    "/again",
    Effect.flatMap(AppSession, (session) =>
      Effect.gen(function* () {
        yield* session.set("userId", "ada")
        const first = yield* caught(session.save)
        yield* session.set("userId", "ada")
        return HttpServerResponse.text(`${first} ${yield* caught(session.save)}`)
      })
    )
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession)),
  HttpRouter.use(behindProxy)
)

/** A site that admits whom it is told to, and lists whom it was asked about. */
const site = (place: Place) =>
  Effect.gen(function* () {
    const state = { admits: true, asked: [] as Array<string> }
    const admit = ({ url }: HttpServerRequest) =>
      Effect.sync(() => {
        state.asked.push(url)
        return state.admits
      })
    return { state, ...(yield* serve(app, { admit, cookie: { secure: false } }, yield* place)) }
  })

onPlaces((place) => {
  it.live("a client without a session gets none unless it is admitted, by a sign-in either", () =>
    Effect.gen(function* () {
      const { as, manager, send, state } = yield* site(place)
      state.admits = false
      const strangers = [send, as(`id=${"A".repeat(43)}`), as("id=junk")]
      for (const path of ["/count", "/in"]) {
        for (const [i, stranger] of strangers.entries()) {
          const { body, headers, setCookie, status } = yield* stranger(path)
          expect([status, body]).toEqual([429, ""])
          expect(setCookie.filter((line) => !line.includes("Max-Age=0"))).toEqual([])
          expect(headers["cache-control"], `${path} ${i}`).toBe("no-store")
        }
      }
      expect(state.asked).toEqual(["/count", "/count", "/count", "/in", "/in", "/in"])
      expect(yield* Effect.orElseSucceed(manager.count, () => 0)).toBe(0)
      state.admits = true
      expect((yield* send("/in")).setCookie).toHaveLength(1)
    })
  )

  it.live("nobody is asked for a request that reads, or has a session: not for a change, a sign-in or a new id", () =>
    Effect.gen(function* () {
      const { as, send, state } = yield* site(place)
      yield* send("/look")
      expect(state.asked).toEqual([])
      let { cookie } = yield* send("/count")
      expect(state.asked).toEqual(["/count"])
      state.admits = false
      for (const path of ["/count", "/renew", "/in", "/in", "/look"]) {
        const answer = yield* as(cookie)(path)
        expect(answer.status).toBe(200)
        cookie = answer.cookie ?? cookie
      }
      expect(state.asked).toEqual(["/count"])
    })
  )
})

describe("a request", () => {
  it.live("asks once, and what was refused is not stored at its end either", () =>
    Effect.gen(function* () {
      const { calls, provider } = probe()
      const { send, state } = yield* site(Effect.succeed(provider))
      state.admits = false
      const answer = yield* send("/again")
      expect([answer.status, answer.body, answer.setCookie]).toEqual([200, "NotAdmitted NotAdmitted", []])
      expect(state.asked).toEqual(["/again"])
      expect(calls).toEqual([])
    })
  )

  it.live("that is refused is no line in the log", () =>
    Effect.gen(function* () {
      const { layer, logged } = collectLogs()
      const { send, state } = yield* Effect.provide(site(Effect.succeed(probe().provider)), layer)
      state.admits = false
      yield* send("/count")
      expect(logged).toEqual([])
    })
  )
})

describe("a hook", () => {
  const broken = (admit: () => Effect.Effect<boolean>) =>
    Effect.gen(function* () {
      const logged: Array<string> = []
      const layer = Logs.replacing(
        Logger.make(({ cause, message }) => {
          logged.push(`${message} ${Cause.pretty(cause)}`)
        })
      )
      const { calls, provider } = probe()
      const options = { admit, cookie: { secure: false }, timeout: "300 millis" } as const
      const { send } = yield* Effect.provide(serve(app, options, provider), layer)
      return { answer: yield* send("/count"), calls, text: logged.join("\n") }
    })

  it.live("that dies or throws is a 500, whose log has no words of it", () =>
    Effect.gen(function* () {
      for (const admit of [
        () => Effect.die(new TypeError("secret-address")),
        () => {
          throw new TypeError("secret-address")
        }
      ]) {
        const { answer, calls, text } = yield* broken(admit)
        expect([answer.status, answer.body, answer.setCookie, calls]).toEqual([500, "", [], []])
        expect(text).toContain("TypeError")
        expect(text).not.toContain("secret-address")
      }
    })
  )

  it.live("that does not answer is a 503 in the session's timeout", () =>
    Effect.gen(function* () {
      const { answer, calls } = yield* broken(() => Effect.never)
      expect([answer.status, answer.setCookie, calls]).toEqual([503, [], []])
    })
  )

  it.live("that does not answer is a 503 in memory too", () =>
    Effect.gen(function* () {
      const { send } = yield* serve(app, { admit: () => Effect.never, timeout: "300 millis" })
      expect((yield* send("/count")).status).toBe(503)
    })
  )
})

describe("the page's rate limiter", () => {
  it.live("lets twenty clients of an address begin a session in a minute, and those who have one go on", () =>
    Effect.gen(function* () {
      const { as } = yield* Effect.flatMap(
        Layer.build(Layer.provideMerge(HttpServer.serve(app), Layer.merge(NodeHttpServer.layerTest, SessionLive))),
        client
      )
      const from = (address: string, cookie?: string) =>
        as(cookie)("/count", { headers: { "x-forwarded-for": address } })
      const answers = yield* Effect.forEach(Array.from({ length: 22 }), () => from("192.0.2.7"))
      expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: 20 }, () => 200), 429, 429])
      expect((yield* from("192.0.2.7", answers[0]!.cookie)).status).toBe(200)
      expect((yield* from("198.51.100.23")).status).toBe(200)
    })
  )
})
