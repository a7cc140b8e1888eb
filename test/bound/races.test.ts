/**
 * Proofs at the same time, in two processes' managers, on each backend: each challenge counts once, and nobody who proves
 * the key is thrown out.
 */
import { SessionManager } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpServer from "#effect/http/HttpServer"
import * as Layer from "#effect/Layer"
import * as NodeHttpServer from "#test/NodeHttpServer"
import { expect, it } from "#test/vitest"
import { onServers, type ProviderLayer } from "../identity/backends.js"
import { client } from "../support/http.js"
import { boundBrowser, browserAt, served } from "./app.js"

const options = { deviceBound: { every: "10 minutes" } } as const

const serverOf = (kept: ProviderLayer) =>
  Effect.flatMap(
    Layer.build(
      Layer.provideMerge(
        HttpServer.serve(served),
        Layer.merge(
          Layer.fresh(NodeHttpServer.layerTest),
          Layer.fresh(SessionManager.layer(options).pipe(Layer.provide(kept)))
        )
      )
    ),
    client
  )

/** Two managers; a backend in memory has one. */
const twoOn = (kept: Effect.Effect<ProviderLayer>, name: string) =>
  Effect.flatMap(kept, (layer) =>
    Effect.flatMap(serverOf(layer), (one) =>
      Effect.map(name === "memory" ? Effect.succeed(one) : serverOf(layer), (two) => [one, two] as const)
    )
  )

/** The same browser, whose requests another process answers. */
const sameAt = (server: Parameters<typeof browserAt>[0], { cookies, known }: ReturnType<typeof browserAt>) => {
  const browser = browserAt(server)
  for (const [cookie, value] of cookies) browser.cookies.set(cookie, value)
  browser.known = known
  return browser
}

onServers((kept, _, name) => {
  it.live("two registrations at once: one browser's key is kept", () =>
    Effect.gen(function* () {
      const [one, two] = yield* twoOn(kept, name)
      const browser = browserAt(one)
      yield* browser.ask("/in?user=ada")
      const other = sameAt(two, browser)
      other.offered = browser.offered
      const answers = yield* Effect.all([browser.register(), other.register()], { concurrency: "unbounded" })
      const statuses = answers.map(({ status }) => status)
      expect([...statuses].sort()).toEqual([200, 409])
      const [winner, loser] = statuses[0] === 200 ? [browser, other] : [other, browser]
      loser.known = winner.known
      expect((yield* winner.refresh()).status).toBe(200)
      expect((yield* loser.refresh()).status).toBe(403)
    })
  )

  it.live("a proof that is sent many times at once counts once; proofs of two challenges both count", () =>
    Effect.gen(function* () {
      const [one, two] = yield* twoOn(kept, name)
      const browser = yield* boundBrowser(one)
      const elsewhere = sameAt(two, browser)
      yield* browser.renew()
      const proof = browser.proof(browser.challenge!)
      const copies = yield* Effect.all(
        [browser, elsewhere, browser, elsewhere].map(({ renew }) => renew(proof)),
        { concurrency: "unbounded" }
      )
      expect(copies.map(({ status }) => status).sort()).toEqual([200, 403, 403, 403])

      yield* browser.renew()
      yield* elsewhere.renew()
      const both = yield* Effect.all(
        [browser.renew(browser.proof(browser.challenge!)), elsewhere.renew(browser.proof(elsewhere.challenge!))],
        { concurrency: "unbounded" }
      )
      expect(both.map(({ status }) => status)).toEqual([200, 200])
    })
  )

  it.live("a proof, changes and a new id at once: all count", () =>
    Effect.gen(function* () {
      const [one, two] = yield* twoOn(kept, name)
      const browser = yield* boundBrowser(one)
      const elsewhere = sameAt(two, browser)
      yield* elsewhere.renew()
      const [proved, counted, renewed] = yield* Effect.all(
        [elsewhere.renew(browser.proof(elsewhere.challenge!)), elsewhere.ask("/count"), browser.ask("/renew")],
        { concurrency: "unbounded" }
      )
      expect(renewed.status).toBe(200)
      // Requests that came when the id had changed: with a 503 the browser keeps its binding, and tries again.
      expect([200, 503]).toContain(counted.status)
      expect([200, 503]).toContain(proved.status)
      expect((yield* browser.refresh()).status).toBe(200)
      expect((yield* browser.ask("/look")).body).toMatch(/^ada [01]$/)
    })
  )
})
