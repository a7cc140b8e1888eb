// Who signs in and out on either app does so on the other too, whatever ids that app makes and whenever it saves.
import { randomUUID } from "node:crypto"
import * as Effect from "#effect/Effect"
import { expect } from "#test/vitest"
import { browser, day, idIn, live, type Pair, sides, withCookie } from "./interopPairs.js"

export const signIn = ({ apps, framework: { cookieName }, start, stored }: Pair): void => {
  live(
    "who signs in on one is known on the other, and what the visitor did before is kept",
    Effect.gen(function* () {
      const both = yield* apps
      for (const [one, other] of sides) {
        const visitor = browser(both)
        expect(yield* visitor[other]("/me")).toBe("anonymous")
        expect(yield* visitor[other]("/visits")).toBe("1")
        expect(yield* visitor[one]("/login?username=Ad%C3%A9la&password=secret")).toBe("signed in")
        expect(yield* visitor[other]("/me")).toBe("Adéla")
        expect(yield* visitor[one]("/me")).toBe("Adéla")
        expect(yield* visitor[other]("/visits")).toBe("2")
      }
    })
  )

  live(
    "a browser's visits are counted on, whichever it goes to",
    Effect.gen(function* () {
      const both = yield* apps
      for (const [one, other] of sides) {
        const visitor = browser(both)
        const counted = yield* Effect.forEach([one, other, one, one, other, other, one], (app) =>
          visitor[app]("/visits")
        )
        expect(counted).toEqual(["1", "2", "3", "4", "5", "6", "7"])
        // Of the cookie, too, there is one.
        expect(visitor.cookie()).toMatch(new RegExp(`^${cookieName}=[^;]*$`))
      }
    })
  )

  for (const [path, what] of [
    ["/logout", "who signs out on one is signed out on the other, and so is who has a copy of the cookie"],
    ["/destroy", "a session that is ended on one is over on both, also for who has a copy of the cookie"]
  ] as const) {
    live(
      what,
      Effect.gen(function* () {
        const both = yield* apps
        for (const [one, other] of sides) {
          for (const home of [one, other]) {
            const visitor = browser(both)
            yield* visitor[home]("/visits")
            yield* visitor[home]("/login?username=ada&password=secret")
            expect(yield* visitor[other]("/me")).toBe("ada")
            const copy = visitor.cookie()
            expect(yield* visitor[one](path)).toMatch(/^(out|gone)$/)
            for (const app of [other, one]) {
              expect(yield* visitor[app]("/me")).toBe("anonymous")
              expect((yield* withCookie(both[app], "/me", copy)).body).toBe("anonymous")
              expect((yield* withCookie(both[app], "/values", copy)).body).toBe("{}")
            }
            expect(yield* stored(copy)).toBeUndefined()
            // A new session, which both count on.
            const before = path === "/destroy" ? 0 : 1
            expect(yield* visitor[other]("/visits")).toBe(`${before + 1}`)
            expect(yield* visitor[one]("/visits")).toBe(`${before + 2}`)
            expect(idIn(visitor.cookie())).not.toBe(idIn(copy))
          }
        }
      })
    )
  }

  live(
    "an id that was planted before the sign-in is dead on both after it, and so is one that was replaced",
    Effect.gen(function* () {
      const both = yield* apps
      for (const [one, other] of sides) {
        for (const path of ["/login?username=ada&password=secret", "/regenerate"]) {
          const visitor = browser(both)
          yield* visitor[other]("/visits")
          const planted = visitor.cookie()
          yield* visitor[one](path)
          expect(idIn(visitor.cookie())).not.toBe(idIn(planted))
          expect(yield* stored(planted)).toBeUndefined()
          for (const app of [one, other]) {
            expect((yield* withCookie(both[app], "/me", planted)).body).toBe("anonymous")
            const { body, setCookie } = yield* withCookie(both[app], "/visits", planted)
            expect(body).toBe("1")
            expect(idIn(setCookie[0]!.split(";")[0]!)).not.toBe(idIn(planted))
          }
          expect(yield* visitor[other]("/visits")).toBe("2")
        }
      }
    })
  )

  live(
    "whether the other app saves and sends more than it must makes no difference",
    Effect.gen(function* () {
      for (const all of [true, false]) {
        const both = yield* start({ resave: all, rolling: all, saveUninitialized: all, maxAge: day }, { maxAge: day })
        for (const [one, other] of sides) {
          const visitor = browser(both)
          yield* visitor.theirs("/me")
          const first = visitor.cookie()
          expect(first === "").toBe(!all)
          expect(yield* visitor[one]("/visits")).toBe("1")
          if (all) expect(idIn(visitor.cookie())).toBe(idIn(first))
          expect(yield* visitor[other]("/login?username=ada&password=secret")).toBe("signed in")
          expect(yield* visitor[one]("/me")).toBe("ada")
          expect(yield* visitor[other]("/visits")).toBe("2")
          const copy = visitor.cookie()
          yield* visitor[one]("/destroy")
          yield* visitor[other]("/me")
          expect((yield* withCookie(both[one], "/me", copy)).body).toBe("anonymous")
          expect((yield* withCookie(both[other], "/me", copy)).body).toBe("anonymous")
        }
      }
    })
  )

  live(
    "ids of another form are as good",
    Effect.gen(function* () {
      for (const genid of [randomUUID, () => `a.b:c/d+e=${randomUUID()}%~{}"`]) {
        const both = yield* start({ genid })
        const visitor = browser(both)
        expect(yield* visitor.theirs("/visits")).toBe("1")
        const own = idIn(visitor.cookie())
        expect(yield* visitor.ours("/visits")).toBe("2")
        expect(idIn(visitor.cookie())).toBe(own)
        expect(yield* visitor.theirs("/visits")).toBe("3")
        yield* visitor.ours("/login?username=ada")
        expect(yield* visitor.theirs("/me")).toBe("ada")
      }
    })
  )
}
