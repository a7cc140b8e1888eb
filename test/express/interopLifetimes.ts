// How long a session lives, and how long the browser keeps its cookie: as the app says that began it, on both.
import * as Effect from "#effect/Effect"
import { expect } from "#test/vitest"
import { onExpress } from "./interopApps.js"
import { browser, day, lifetimeIn, live, minute, type Pair, sides, withCookie } from "./interopPairs.js"

/** express counts a session's maxAge down from one millisecond to the next. */
const isAbout = (millis: number, expected: number) => Math.abs(millis - expected) < 1000

export const lifetimes = ({ apps, framework, start, stored }: Pair): void => {
  live(
    "the cookie's attributes in a record are kept, and its end is renewed with the session, which fastify ends then",
    Effect.gen(function* () {
      const both = yield* start({ maxAge: day }, { maxAge: day })
      const visitor = browser(both)
      yield* visitor.theirs("/visits")
      const { record } = (yield* stored(visitor.cookie()))!
      expect(isAbout(record["cookie"].originalMaxAge, day)).toBe(true)
      const { expires, ...attributes } = record["cookie"]
      let last = Date.parse(expires)
      for (const path of ["/visits", "/touch", "/regenerate"]) {
        yield* visitor.ours(path)
        const { record, ttl } = (yield* stored(visitor.cookie()))!
        const { expires: later, ...same } = record["cookie"]
        expect(same).toEqual(attributes)
        expect(Date.parse(later)).toBeGreaterThan(last)
        last = Date.parse(later)
        // The backend's end is the record's.
        expect(Math.abs(Date.parse(later) - Date.now() - ttl)).toBeLessThan(minute)
      }
      expect(yield* visitor.theirs("/visits")).toBe("3")
    })
  )

  live(
    "who asked to be remembered is, by both: the cookie and the session last as long as that",
    Effect.gen(function* () {
      const both = yield* apps
      const visitor = browser(both)
      yield* visitor.theirs(`/login?username=ada&password=secret&lasts=${30 * day}`)
      for (const path of ["/visits", "/touch", "/regenerate"]) {
        const { setCookie } = yield* visitor.ask.ours(path)
        expect(setCookie.map(lifetimeIn)).toEqual([30 * day])
        const { record, ttl } = (yield* stored(visitor.cookie()))!
        expect(isAbout(record["cookie"].originalMaxAge, 30 * day)).toBe(true)
        expect(Math.abs(ttl - 30 * day)).toBeLessThan(minute)
      }
      expect(yield* visitor.theirs("/me")).toBe("ada")
    })
  )

  live(
    "sessions that begin here last as long as the cookie is asked to, on the other too",
    Effect.gen(function* () {
      const both = yield* start({ maxAge: 2 * day }, { maxAge: 2 * day })
      const visitor = browser(both)
      const { setCookie } = yield* visitor.ask.ours("/visits")
      expect(setCookie.map(lifetimeIn)).toEqual([2 * day])
      yield* visitor.theirs("/visits")
      const { record, ttl } = (yield* stored(visitor.cookie()))!
      expect(isAbout(record["cookie"].originalMaxAge, 2 * day)).toBe(true)
      expect(Math.abs(ttl - 2 * day)).toBeLessThan(minute)
    })
  )

  // @fastify/session knows no such session beside others.
  if (framework === onExpress) {
    live(
      "who did not ask to be remembered is forgotten when the browser ends, and on the server after a day",
      Effect.gen(function* () {
        const both = yield* start({ maxAge: 14 * day }, { maxAge: 14 * day })
        const visitor = browser(both)
        yield* visitor.theirs("/login?username=ada&password=secret&lasts=browser")
        for (const path of ["/visits", "/touch", "/regenerate"]) {
          const { setCookie } = yield* visitor.ask.ours(path)
          expect(setCookie.map(lifetimeIn).filter((lifetime) => lifetime !== undefined)).toEqual([])
          expect(Math.abs((yield* stored(visitor.cookie()))!.ttl - day)).toBeLessThan(minute)
        }
        expect(yield* visitor.theirs("/me")).toBe("ada")
      })
    )
  }

  live(
    "a cookie that ends with the browser does so on both, and the session is kept for a day",
    Effect.gen(function* () {
      const both = yield* apps
      for (const [one, other] of sides) {
        const visitor = browser(both)
        for (const app of [one, other]) {
          const { setCookie } = yield* visitor.ask[app]("/visits")
          expect(setCookie.map(lifetimeIn).filter((lifetime) => lifetime !== undefined)).toEqual([])
          const { record, ttl } = (yield* stored(visitor.cookie()))!
          expect(record["cookie"]).toMatchObject({ originalMaxAge: null, expires: null })
          expect(Math.abs(ttl - day)).toBeLessThan(minute)
        }
      }
    })
  )

  live(
    "a session whose time is over is over on both, and the next is new",
    Effect.gen(function* () {
      const both = yield* start({ maxAge: 1000 }, { maxAge: 1000 })
      const visitors = { theirs: browser(both), ours: browser(both) }
      for (const app of ["theirs", "ours"] as const) {
        expect(yield* visitors[app][app]("/login?username=ada&password=secret")).toBe("signed in")
        // Some backends count seconds.
        expect((yield* stored(visitors[app].cookie()))?.ttl ?? 0).toBeLessThanOrEqual(2000)
      }
      for (const { cookie } of Object.values(visitors)) {
        const copy = cookie()
        yield* Effect.repeat(Effect.andThen(Effect.sleep("50 millis"), stored(copy)), {
          until: (found) => found === undefined
        })
        for (const url of Object.values(both)) {
          expect((yield* withCookie(url, "/me", copy)).body).toBe("anonymous")
          expect((yield* withCookie(url, "/visits", copy)).body).toBe("1")
        }
      }
    })
  )
}
