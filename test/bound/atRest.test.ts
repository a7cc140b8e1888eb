/**
 * Bound sessions that are sealed at rest: proofs, while other requests change the session or its id.
 */
import { type SessionConfig, SessionProvider } from "effect-session"
import * as Effect from "#effect/Effect"
import { describe, expect, it } from "#test/vitest"
import { key } from "../support/cookies.js"
import { eventsWhile } from "../support/events.js"
import { probe, serve } from "../support/http.js"
import { boundBrowser, browserAt, served } from "./app.js"

const deviceBound = { every: "10 minutes" } as const

const forms = [{ atRest: { keys: [key()] } }, { atRest: "id" }] as const satisfies ReadonlyArray<SessionConfig.Options>

for (const options of forms) {
  describe(options.atRest === "id" ? "with ids" : "with keys", () => {
    /** A server, and what is to happen before the next write. */
    const serving = Effect.gen(function* () {
      const next: { before?: Effect.Effect<unknown> | undefined } = {}
      const { provider } = probe(({ write }) => ({
        write: (...args) =>
          Effect.suspend(() => {
            const { before = Effect.void } = next
            next.before = undefined
            return Effect.andThen(before, Effect.map(write(...args), withoutCurrent))
          })
      }))
      const server = yield* serve(served, { deviceBound, ...options }, provider)
      return { next, server, browser: yield* boundBrowser(server) }
    })

    it.effect("a proof counts although another request changes the session", () =>
      Effect.gen(function* () {
        const { browser, next } = yield* serving
        yield* browser.renew()
        next.before = browser.ask("/count")
        expect((yield* browser.renew(browser.proof(browser.challenge!))).status).toBe(200)
        expect((yield* browser.ask("/look")).body).toBe("ada 1")
      })
    )

    it.effect("a registration without the cookie needs a session that others can open", () =>
      Effect.gen(function* () {
        const { server } = yield* serving
        const [browser, bare] = [browserAt(server), browserAt(server)]
        yield* browser.ask("/in?user=eve")
        const events = yield* eventsWhile(
          server.manager,
          Effect.map(bare.register(browser.proof(browser.offered!.challenge, true)), ({ status }) =>
            expect(status).toBe(options.atRest === "id" ? 401 : 200)
          )
        )
        expect(events).not.toContain("Dropped")
        expect((yield* browser.register()).status).toBe(options.atRest === "id" ? 200 : 409)
      })
    )

    it.effect("a new id meanwhile does not end the binding", () =>
      Effect.gen(function* () {
        const { browser, next, server } = yield* serving
        yield* browser.renew()
        next.before = browser.ask("/renew")
        const events = yield* eventsWhile(
          server.manager,
          Effect.map(browser.renew(browser.proof(browser.challenge!)), ({ status }) =>
            // With a 503 the browser keeps its binding, and tries again.
            expect(status).toBe(options.atRest === "id" ? 503 : 200)
          )
        )
        expect(events).not.toContain("Dropped")
        expect((yield* browser.refresh()).status).toBe(200)
        browser.forget()
        expect((yield* browser.ask("/look")).body).toBe("nobody 0")
        yield* browser.refresh()
        expect((yield* browser.ask("/look")).body).toBe("ada 0")
      })
    )
  })
}

/** A backend need not say what it has instead. */
const withoutCurrent = <R extends { readonly _tag: string }>(result: R) =>
  result._tag === "Conflict" ? SessionProvider.conflict() : result
