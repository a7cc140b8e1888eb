/**
 * How far a session that should be bound goes without a proof: with `skippedFor` and with `required`.
 */
import * as Effect from "#effect/Effect"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { serve } from "../support/http.js"
import { boundBrowser, browserAt, served } from "./app.js"

const options = { deviceBound: { every: "10 minutes" } } as const

describe("a browser that could not renew its proof", () => {
  const skipping = (identifier: string, why = "unreachable") => ({
    headers: { "secure-session-skipped": `${why};session_identifier="${identifier}"` }
  })

  it.effect("goes on for as long as skippedFor, from the end of its last cookie", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, { deviceBound: { every: "10 minutes", skippedFor: "5 minutes" } })
      const browser = yield* boundBrowser(server)
      browser.forget()
      const own = browser.known!.session_identifier
      const seen = (...given: Parameters<typeof skipping>) =>
        Effect.map(browser.ask("/look", skipping(...given)), ({ body }) => body)
      yield* TestClock.adjust("9 minutes")
      expect(yield* seen(own)).toBe("nobody 0")
      yield* TestClock.adjust("2 minutes")
      for (const why of ["unreachable", "server_error", "quota_exceeded"]) {
        expect(yield* seen(own, why)).toBe("ada 0")
      }
      expect(yield* seen("another")).toBe("nobody 0")
      expect(yield* seen(own, "tired")).toBe("nobody 0")
      expect(yield* seen(own, `unreachable;session_identifier="another", quota_exceeded`)).toBe("ada 0")
      yield* TestClock.adjust("4 minutes")
      expect(yield* seen(own)).toBe("nobody 0")
      expect((yield* browser.refresh()).status).toBe(200)
      expect((yield* browser.ask("/look")).body).toBe("ada 0")
    })
  )

  it.effect("is not believed with skippedFor: 0", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, { deviceBound: { every: "10 minutes", skippedFor: 0 } })
      const browser = yield* boundBrowser(server)
      browser.forget()
      yield* TestClock.adjust("11 minutes")
      expect((yield* browser.ask("/look", skipping(browser.known!.session_identifier))).body).toBe("nobody 0")
    })
  )
})

describe("required", () => {
  const required = { deviceBound: { every: "10 minutes", required: true } } as const

  it.effect("a session that no browser has bound ends after `every`, another one lives on", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, required)
      const plain = browserAt(server)
      yield* plain.ask("/in?user=ada&remember")
      const bound = browserAt(server)
      const { setCookie } = yield* bound.ask("/in?user=bob&remember")
      expect(setCookie[0]).toMatch(/Max-Age=600;/)
      const registered = yield* bound.register()
      expect(registered.setCookie.find((line) => line.startsWith("__Host-id="))).toMatch(/Max-Age=1209600;/)
      const visitor = browserAt(server)
      yield* visitor.ask("/count")
      yield* TestClock.adjust("9 minutes")
      expect((yield* plain.ask("/look")).body).toBe("ada 0")
      yield* bound.refresh()
      yield* TestClock.adjust("2 minutes")
      expect((yield* plain.ask("/look")).body).toBe("nobody 0")
      expect((yield* bound.ask("/look")).body).toBe("bob 0")
      expect((yield* visitor.ask("/look")).body).toBe("nobody 1")
    })
  )

  it.effect("otherwise a browser without bound sessions keeps an ordinary one", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, options)
      const plain = browserAt(server)
      yield* plain.ask("/in?user=ada")
      plain.forget()
      yield* TestClock.adjust("20 minutes")
      expect((yield* plain.ask("/count")).body).toBe("ada 1")
    })
  )
})
