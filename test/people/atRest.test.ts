/**
 * People and their sessions, sealed at rest: with keys, and with each session's own id.
 */
import { hash } from "node:crypto"
import { type SessionConfig, SessionLayer, SessionManager, type SessionProvider, SessionStore } from "effect-session"
import * as Memory from "effect-session/memory"
import { errorOf } from "#dialect/result"
import * as DateTime from "#effect/DateTime"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Result from "#effect/Result"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { registerOf } from "../../src/Manager/people/owner.js"
import type { StoredId } from "../../src/Provider/Provider.js"
import { key } from "../support/cookies.js"
import { eventsWhile } from "../support/events.js"
import { type Browser, devices, type Handler, increment, over, principal, Shop, signIn, site } from "./site.js"

const keys = [key()]
const forms = [{ atRest: { keys } }, { atRest: "id" }] as const satisfies ReadonlyArray<SessionConfig.Options>
const nameOf = ({ atRest }: (typeof forms)[number]) => (atRest === "id" ? "with ids" : "with keys")

const refOf = ({ cookie }: Browser) => hash("sha256", cookie!.split("=")[1]!, "base64url") as StoredId
const count = (session: Parameters<typeof increment>[0]) => session.get("count")

/** Managers with these options, on one backend. */
const sites = (...each: ReadonlyArray<SessionConfig.Options>) =>
  Effect.suspend(() => {
    const provider = Memory.make()
    return Effect.map(
      Effect.forEach(each, (options) => site({}, over(provider, options))),
      (sites) => ({ provider, sites })
    )
  })

/** A browser of another process of the app. */
const at = (browser: Browser, { browser: make }: { readonly browser: () => Browser }): Browser =>
  Object.assign(make(), { cookie: browser.cookie })

const read = (provider: SessionProvider.Provider, ref: StoredId) =>
  Effect.map(provider.read(ref), (stored) => Buffer.from(Option.getOrThrow(stored).payload))

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

    it.effect("a change that comes after a sign-in is carried over if it can be, and never lost without a word", () =>
      Effect.gen(function* () {
        for (const change of [signIn("ada"), (session) => session.regenerate] as ReadonlyArray<Handler<unknown>>) {
          const {
            provider,
            sites: [one, two]
          } = yield* sites(options, options)
          const ada = one!.browser()
          yield* ada.go(increment)
          const [arrived, open] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
          const late = yield* Effect.forkChild(
            ada.lose((session) =>
              Effect.gen(function* () {
                yield* session.get("count")
                yield* Deferred.succeed(arrived, undefined)
                yield* Deferred.await(open)
                yield* increment(session)
              })
            )
          )
          yield* Deferred.await(arrived)
          const planted = ada.cookie
          yield* at(ada, two!)
            .go(change)
            .pipe(
              Effect.tap(({ setCookie }) =>
                Effect.sync(() => {
                  ada.cookie = setCookie[0]!.split(";")[0]
                })
              )
            )
          const stored = yield* provider.count!
          yield* Deferred.succeed(open, undefined)
          const { setCookie, status } = yield* Fiber.join(late)
          expect([status, setCookie]).toEqual([isById ? 503 : 200, []])
          expect((yield* ada.go(count)).body).toBe(isById ? 1 : 2)
          // Nothing was begun, and the old id leads nowhere.
          expect(yield* provider.count!).toBe(stored)
          expect((yield* one!.send(planted, count)).body).toBe(0)
          expect((yield* one!.send(planted, increment)).status).toBe(503)
        }
      })
    )

    it.effect("a second sign-in under way begins a session of its own, with what it had read", () =>
      Effect.gen(function* () {
        const {
          sites: [shop]
        } = yield* sites(options)
        const ada = shop!.browser()
        yield* ada.go(signIn("ada"))
        yield* ada.go(increment)
        const [arrived, open] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const second = yield* Effect.forkChild(
          ada.lose((session) =>
            Effect.gen(function* () {
              yield* session.get("count")
              yield* Deferred.succeed(arrived, undefined)
              yield* Deferred.await(open)
              yield* session.signIn("ada")
            })
          )
        )
        yield* Deferred.await(arrived)
        yield* ada.go((session) => session.regenerate)
        yield* Deferred.succeed(open, undefined)
        const { setCookie } = yield* Fiber.join(second)
        expect(setCookie).toHaveLength(1)
        const own = setCookie[0]!.split(";")[0]
        expect(own).not.toBe(ada.cookie)
        expect((yield* shop!.send(own, principal)).body).toBe("ada")
        expect((yield* shop!.send(own, count)).body).toBe(1)
        expect((yield* ada.go(count)).body).toBe(1)
      })
    )

    it.effect("of another key or id, it is dropped and not an error", () =>
      Effect.gen(function* () {
        const other = isById ? { atRest: { keys } } : { atRest: { keys: [key()] } }
        const {
          sites: [shop, another, unsealed]
        } = yield* sites(options, other, {})
        const ada = shop!.browser()
        yield* ada.go(increment)
        for (const process of [another!, unsealed!]) {
          const stranger = at(ada, process)
          const seen = yield* eventsWhile(
            process.manager,
            Effect.map(stranger.go(count), ({ body, status }) => expect([status, body]).toEqual([200, 0]))
          )
          expect(seen).toContain("Dropped")
          // A write begins a fresh session.
          expect((yield* stranger.go(increment)).body).toBe(1)
          expect(stranger.cookie).not.toBe(ada.cookie)
        }
        expect((yield* ada.go(count)).body).toBe(1)
      })
    )

    it.effect("turned on while people are signed in, it signs nobody out; turned off neither", () =>
      Effect.gen(function* () {
        const given = isById ? ("id" as const) : keys
        const {
          provider,
          sites: [before, first, migrating, sealed]
        } = yield* sites(
          {},
          { atRest: { keys: given, migrating: "unseal" } },
          { atRest: { keys: given, migrating: true } },
          { atRest: { keys: given } }
        )
        const [ada, bob] = [before!.browser(), before!.browser()]
        yield* ada.go(signIn("ada"))
        yield* bob.go(signIn("bob"))
        const isSealed = (browser: Browser) => Effect.map(read(provider, refOf(browser)), ([first]) => first === 0xc1)
        const [onMigrating, onSealed, onFirst, onBefore] = [migrating!, sealed!, first!, before!].map((one) =>
          at(ada, one)
        )
        expect((yield* onSealed!.go(principal)).body).toBe(null)
        expect((yield* onMigrating!.go(principal)).body).toBe("ada")
        expect(yield* isSealed(ada)).toBe(false)
        expect((yield* onFirst!.go(increment)).body).toBe(1)
        expect(yield* isSealed(ada)).toBe(false)
        expect((yield* onMigrating!.go(increment)).body).toBe(2)
        expect(yield* isSealed(ada)).toBe(true)
        expect((yield* onSealed!.go(increment)).body).toBe(3)
        // A process that seals nothing yet reads it.
        expect((yield* onFirst!.go(count)).body).toBe(3)
        expect((yield* onBefore!.go(count)).body).toBe(0)
        // Sessions of the same person join the list, whoever has written it.
        const phone = migrating!.browser()
        yield* phone.go(signIn("ada"))
        expect((yield* at(phone, migrating!).go(devices("ada"))).body).toHaveLength(2)
        // Off again.
        expect((yield* onFirst!.go(increment)).body).toBe(4)
        expect(yield* isSealed(ada)).toBe(false)
        expect((yield* onBefore!.go(count)).body).toBe(4)
        expect((yield* at(bob, migrating!).go(principal)).body).toBe("bob")
        yield* onFirst!.go(() => SessionManager.endAll("ada"))
        expect((yield* phone.lose(principal)).body).toBe(null)
      })
    )

    it.effect("a session of an id that was not hashed yet is sealed as it moves", () =>
      Effect.gen(function* () {
        const given = isById ? ("id" as const) : keys
        const id = (hashed: boolean | "migrating") => ({ id: { hashed, bytes: 24 } })
        const {
          provider,
          sites: [plain, migrating, hashed]
        } = yield* sites(
          id(false),
          { ...id("migrating"), atRest: { keys: given, migrating: true } },
          { ...id(true), atRest: { keys: given } }
        )
        const ada = plain!.browser()
        yield* ada.go(increment)
        yield* ada.go(signIn("ada"))
        expect((yield* at(ada, migrating!).go(principal)).body).toBe("ada")
        expect((yield* read(provider, refOf(ada)))[0]).toBe(0xc1)
        expect((yield* at(ada, hashed!).go(increment)).body).toBe(2)
        expect((yield* at(ada, migrating!).go(devices("ada"))).body).toEqual([[expect.any(String), true]])
        expect((yield* at(ada, plain!).go(principal)).body).toBe(null)
        // What was not stored by this app does not move.
        const strict = yield* site({}, over(provider, { ...id("migrating"), atRest: { keys: given } }))
        const bob = plain!.browser()
        yield* bob.go(increment)
        expect((yield* at(bob, strict).go(count)).body).toBe(0)
        expect((yield* at(bob, plain!).go(count)).body).toBe(1)
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
