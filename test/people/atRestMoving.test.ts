/**
 * Sessions that are sealed at rest, while something else changes: their ids, the keys, or whether they are sealed at all.
 */
import { SessionManager } from "effect-session"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { eventsWhile } from "../support/events.js"
import { at, count, forms, keys, nameOf, read, refOf, sites } from "./atRestSites.js"
import { type Browser, devices, type Handler, increment, over, principal, signIn, site } from "./site.js"

for (const options of forms) {
  const isById = options.atRest === "id"
  describe(`sealed ${nameOf(options)}`, () => {
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
  })
}
