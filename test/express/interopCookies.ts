// The cookie: its id and its signature, as each app makes it and as the other takes it.
import * as Effect from "#effect/Effect"
import { expect } from "#test/vitest"
import { secrets } from "./interopApps.js"
import { browser, idIn, live, type Pair, sides, sign, withCookie } from "./interopPairs.js"

export const cookies = ({ apps, framework: { cookieName, valuePrefix }, signed, start }: Pair): void => {
  live(
    "ids are made as uid-safe makes them",
    Effect.gen(function* () {
      const both = yield* apps
      for (const [one] of sides) {
        const visitor = browser(both)
        yield* visitor[one]("/visits")
        expect(visitor.cookie().startsWith(`${cookieName}=${encodeURIComponent(valuePrefix)}`)).toBe(true)
        expect(idIn(visitor.cookie())).toMatch(/^[\w-]{32}$/)
      }
    })
  )

  live(
    "without a good signature a cookie is nobody's, on both",
    Effect.gen(function* () {
      const both = yield* apps
      const visitor = browser(both)
      yield* visitor.theirs("/login?username=ada&password=secret")
      const id = idIn(visitor.cookie())
      const good = sign(id, secrets[0])
      const other = good.at(-1) === "A" ? "B" : "A"
      const bad = [
        valuePrefix + good.slice(0, -1) + other,
        valuePrefix + good.slice(0, -1),
        `${valuePrefix}${good}=`,
        `${valuePrefix}${id}.`,
        valuePrefix + id,
        id,
        valuePrefix + sign(id, "a secret that neither of the apps know"),
        `${valuePrefix}${"A".repeat(32)}${good.slice(32)}`,
        valuePrefix,
        `x:${good}`,
        valuePrefix === "" ? `s:${good}` : good
      ]
      for (const value of bad) {
        for (const app of ["theirs", "ours"] as const) {
          const cookie = `${cookieName}=${encodeURIComponent(value)}`
          expect((yield* withCookie(both[app], "/me", cookie)).body).toBe("anonymous")
          const { body, setCookie } = yield* withCookie(both[app], "/visits", cookie)
          expect([value, app, body, setCookie.length]).toEqual([value, app, "1", 1])
          expect(idIn(setCookie[0]!.split(";")[0]!)).not.toBe(id)
        }
      }
      // The browser's own is still good.
      expect(yield* visitor.ours("/me")).toBe("ada")
      expect(yield* visitor.theirs("/me")).toBe("ada")
    })
  )

  live(
    "a signed cookie of no session begins one, under another id",
    Effect.gen(function* () {
      const both = yield* apps
      for (const [one, other] of sides) {
        const { body, setCookie } = yield* withCookie(both[one], "/visits", signed("no-such-session"))
        expect(body).toBe("1")
        const cookie = setCookie[0]!.split(";")[0]!
        expect(idIn(cookie)).not.toBe("no-such-session")
        expect((yield* withCookie(both[other], "/visits", cookie)).body).toBe("2")
      }
    })
  )

  live(
    "secrets are rotated on one after the other, and nobody is signed out",
    Effect.gen(function* () {
      const [before, after] = secrets
      for (const [one, other] of sides) {
        const options = { [one]: { secrets: [after, before] }, [other]: { secrets: [before, after] } }
        // If it saves no new sessions, @fastify/session removes a cookie that another secret than its first has signed.
        const both = yield* start({ ...options["theirs"], saveUninitialized: true }, options["ours"])
        for (const [home, secret] of [
          [one, after],
          [other, before]
        ] as const) {
          const visitor = browser(both)
          yield* visitor[home]("/login?username=ada&password=secret")
          expect(decodeURIComponent(visitor.cookie())).toContain(sign(idIn(visitor.cookie()), secret))
          expect(yield* visitor.theirs("/me")).toBe("ada")
          expect(yield* visitor.ours("/me")).toBe("ada")
          expect(yield* visitor.ours("/visits")).toBe("1")
          expect(yield* visitor.theirs("/visits")).toBe("2")
        }
        const late = yield* start({ secrets: [after] }, { secrets: [after] })
        for (const app of ["theirs", "ours"] as const) {
          const visitor = browser(both)
          yield* visitor[other]("/login?username=ada&password=secret")
          expect((yield* withCookie(late[app], "/me", visitor.cookie())).body).toBe("anonymous")
        }
      }
    })
  )
}
