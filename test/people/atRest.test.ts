/**
 * People and their sessions, sealed at rest: with keys, and with each session's own id.
 */
import { type SessionConfig, SessionLayer, SessionManager, type SessionProvider, SessionStore } from "effect-session"
import * as Memory from "effect-session/memory"
import { errorOf } from "#dialect/result"
import * as DateTime from "#effect/DateTime"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { registerOf } from "../../src/Manager/people/owner.js"
import { key } from "../support/cookies.js"
import { count, forms, keys, nameOf, refOf, sites } from "./atRestSites.js"
import { devices, type Handler, increment, over, principal, Shop, signIn, site } from "./site.js"

for (const options of forms) {
  const isById = options.atRest === "id"
  describe(`sealed ${nameOf(options)}`, () => {
    it.effect("a session is written, read, renewed and ended like any other", () =>
      Effect.gen(function* () {
        const {
          sites: [shop]
        } = yield* sites({ ...options, id: { renewEvery: "10 minutes" } })
        const ada = shop!.browser()
        yield* ada.go(increment)
        yield* ada.go(signIn("ada"))
        expect((yield* ada.go(increment)).body).toBe(2)
        yield* ada.go((session) => session.regenerate)
        const before = ada.cookie
        yield* TestClock.adjust("11 minutes")
        expect((yield* ada.lose(increment)).setCookie).toHaveLength(1)
        // The answer was lost: the old id leads to the session, for its grace.
        const { body, setCookie } = yield* ada.go(increment)
        expect([body, setCookie.length]).toEqual([4, 1])
        expect(ada.cookie).not.toBe(before)
        yield* ada.go(increment)
        expect((yield* ada.go(devices("ada"))).body).toEqual([[expect.any(String), true]])
        expect((yield* ada.go((session) => session.updateAndSave("count", (n) => n + 1))).body).toBe(6)
        yield* ada.go((session) => session.signOut)
        expect((yield* shop!.send(before, principal)).body).toBe(null)
      })
    )

    it.effect("concurrent changes are all kept, in two processes", () =>
      Effect.gen(function* () {
        const {
          sites: [one, two]
        } = yield* sites(options, options)
        const ada = one!.browser()
        yield* ada.go(increment)
        yield* Effect.all(
          Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? one! : two!).send(ada.cookie, increment)),
          { concurrency: "unbounded" }
        )
        expect((yield* ada.go(count)).body).toBe(31)
      })
    )

    it.effect("people's sessions are listed, ended one by one, and all", () =>
      Effect.gen(function* () {
        const {
          sites: [shop]
        } = yield* sites(options)
        const browsers = Array.from({ length: 4 }, () => shop!.browser())
        for (const [i, browser] of browsers.entries()) {
          yield* browser.go((session) => session.set("agent", `agent ${i}`))
          yield* browser.go(signIn("ada", { remember: i === 3 }))
        }
        yield* TestClock.adjust("5 minutes")
        yield* browsers[0]!.go(increment)
        yield* TestClock.adjust("1 minute")
        const listed = yield* browsers[1]!.go(() =>
          Effect.map(SessionManager.sessionsOf(Shop, "ada"), (all) =>
            all.map(({ expires, get, isCurrent, isRemembered, lastSeen, ref, started }) => ({
              ref,
              agent: Option.getOrElse(get("agent"), () => "unknown"),
              count: get("count"),
              isCurrent,
              isRemembered,
              times: [started, lastSeen, expires].map((time) => DateTime.toEpochMillis(time) / 60_000)
            }))
          )
        )
        const agent = (i: number) => (isById ? "unknown" : `agent ${i}`)
        const month = 14 * 24 * 60
        expect(listed.body.map(({ ref, ...one }: any) => one)).toEqual([
          { agent: agent(0), count: isById ? 0 : 1, isCurrent: false, isRemembered: false, times: [0, 5, 35] },
          { agent: agent(1), count: 0, isCurrent: true, isRemembered: false, times: [0, 0, 30] },
          { agent: agent(2), count: 0, isCurrent: false, isRemembered: false, times: [0, 0, 30] },
          { agent: agent(3), count: 0, isCurrent: false, isRemembered: true, times: [0, 0, month] }
        ])
        const whose = () =>
          Effect.forEach(browsers, (browser) => Effect.map(browser.lose(principal), ({ body }) => body))
        yield* browsers[1]!.go(() => SessionManager.endSession("ada", listed.body[2].ref))
        expect(yield* whose()).toEqual(["ada", "ada", null, "ada"])
        yield* browsers[1]!.go((session) => SessionManager.endOthers(session))
        expect(yield* whose()).toEqual([null, "ada", null, null])
        yield* shop!.browser().go(() => SessionManager.endAll("ada"))
        expect(yield* whose()).toEqual([null, null, null, null])
        expect((yield* shop!.browser().go(devices("ada"))).body).toEqual([])
      })
    )

    it.effect("a limit ends the oldest session that lives", () =>
      Effect.gen(function* () {
        const {
          sites: [shop]
        } = yield* sites({ ...options, principals: { max: 2 } })
        const [first, second, third] = [shop!.browser(), shop!.browser(), shop!.browser()]
        for (const browser of [first, second, third]) {
          yield* browser.go(signIn("ada"))
        }
        expect((yield* first.lose(principal)).body).toBe(null)
        expect([(yield* second.go(principal)).body, (yield* third.go(principal)).body]).toEqual(["ada", "ada"])
      })
    )

    it.effect("everything ends, and what waits for the end of a session is told", () =>
      Effect.gen(function* () {
        const {
          sites: [shop]
        } = yield* sites(options)
        const [ada, visitor] = [shop!.browser(), shop!.browser()]
        yield* ada.go(signIn("ada"))
        yield* visitor.go(increment)
        const socket = yield* Deferred.make<void>()
        yield* Effect.forkChild(
          SessionManager.open(Shop, SessionStore.sessionId(ada.cookie!.split("=")[1]!)).pipe(
            Effect.flatMap(SessionManager.ended),
            Effect.andThen(Deferred.succeed(socket, undefined)),
            Effect.provideService(SessionManager.SessionManager, shop!.manager)
          )
        )
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 30)))
        yield* ada.go((session) => session.regenerate)
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 30)))
        expect(yield* Deferred.isDone(socket)).toBe(false)
        yield* shop!.browser().go(() => SessionManager.endEverything)
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 100)))
        expect(yield* Deferred.isDone(socket)).toBe(true)
        expect((yield* ada.lose(principal)).body).toBe(null)
        expect((yield* visitor.lose(count)).body).toBe(0)
      })
    )

    it.effect("a backend is given no more than it takes, and the session is counted before its seal", () =>
      Effect.gen(function* () {
        const memory = Memory.make()
        const limited = { ...memory, capabilities: { ...memory.capabilities, maxPayload: 400 } }
        const largest: Array<number> = []
        const noting: SessionProvider.Provider = {
          ...limited,
          create: (id, payload, ...rest) => {
            largest.push(payload.length)
            return limited.create(id, payload, ...rest)
          }
        }
        const set =
          (length: number): Handler<unknown> =>
          (session) =>
            session.set("cart", "x".repeat(length))
        const status = (options: SessionConfig.Options, length: number) =>
          Effect.flatMap(site({}, over(noting, options)), ({ send }) =>
            Effect.map(send(undefined, set(length)), ({ status }) => status)
          )
        const room = 400 - '{"v":2,"t":0,"d":{"Shop.cart":""}}'.length - 31
        expect([yield* status(options, room), yield* status(options, room + 1)]).toEqual([200, 500])
        expect(largest).toEqual([400])
        const small = { ...options, maxBytes: 100 }
        const fits = 100 - '{"v":2,"t":0,"d":{"Shop.cart":""}}'.length
        expect([yield* status(small, fits), yield* status(small, fits + 1)]).toEqual([200, 500])
      })
    )
  })
}

describe("people's lists sealed with keys", () => {
  it.effect("show nothing, and one that does not open is an error that says so", () =>
    Effect.gen(function* () {
      const {
        provider,
        sites: [shop, other]
      } = yield* sites({ atRest: { keys } }, { atRest: { keys: [key()] } })
      const ada = shop!.browser()
      yield* ada.go(signIn("ada"))
      const ref = refOf(ada)
      const register = Buffer.from(Option.getOrThrow(yield* provider.principals!.read(registerOf("ada"))).payload)
      expect(register[0]).toBe(0xc1)
      expect(register.includes(ref)).toBe(false)
      expect((yield* other!.browser().go(signIn("ada"))).status).toBe(503)
      const failed = yield* other!
        .browser()
        .go(() =>
          Effect.map(Effect.result(SessionManager.sessionsOf("ada")), (result) =>
            Result.isFailure(result) ? errorOf(result).message : undefined
          )
        )
      expect(failed.body).toMatch(/list of a person's sessions cannot be read.*atRest\.keys/)
    })
  )
})

describe("sealing with ids", () => {
  it.effect("needs ids that the backend does not see", () =>
    Effect.gen(function* () {
      for (const atRest of ["id", { keys: "id" }] as const) {
        const built = yield* Effect.result(
          Effect.scoped(Layer.build(SessionLayer.make(Memory.layer(), { atRest, id: { hashed: false } })))
        )
        expect(Result.isFailure(built) && errorOf(built).message).toMatch(/^atRest: "id" needs hashed ids/)
      }
    })
  )
})
