// The store of this library beside another app's own store, on that one's records.
import * as Effect from "#effect/Effect"
import { expect } from "#test/vitest"
import { browser, live, type Pair, sides, withCookie } from "./interopPairs.js"

export const stores = ({ onStores }: Pair): void => {
  live(
    "an app on the other store, and one on this library's, have the same sessions",
    Effect.gen(function* () {
      const both = yield* onStores
      for (const [one, other] of sides) {
        const visitor = browser(both)
        yield* visitor[one]("/visits")
        expect(yield* visitor[other]("/login?username=ada&password=secret")).toBe("signed in")
        expect(yield* visitor[one]("/me")).toBe("ada")
        expect(yield* visitor[one]("/visits")).toBe("2")
        expect(yield* visitor[other]("/visits")).toBe("3")
        const copy = visitor.cookie()
        yield* visitor[other]("/destroy")
        for (const app of [one, other]) {
          expect((yield* withCookie(both[app], "/me", copy)).body).toBe("anonymous")
        }
      }
    })
  )
}
