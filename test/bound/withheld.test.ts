/**
 * Sessions that are bound after a sign-in on the way from another site: browsers withhold the session's cookie then.
 */
import * as Effect from "#effect/Effect"
import { expect, it } from "#test/vitest"
import { boundName } from "../support/dbsc.js"
import { serve } from "../support/http.js"
import { browserAt, served } from "./app.js"

const options = { deviceBound: { every: "10 minutes" } } as const

it.effect("a browser binds its session without the session's cookie, by the challenge", () =>
  Effect.gen(function* () {
    const server = yield* serve(served, options)
    const [browser, other] = [browserAt(server), browserAt(server)]
    yield* browser.ask("/in?user=ada")
    yield* other.ask("/in?user=eve")
    const { challenge } = browser.offered!
    const bare = browserAt(server)
    const [end, ref, mac] = challenge.split(".") as [string, string, string]
    const [, others, othersMac] = other.offered!.challenge.split(".") as [string, string, string]
    const refusals: ReadonlyArray<readonly [challenge: string, status: number]> = [
      ["hello", 401],
      [`${end}.${mac}`, 401],
      [`${end}.../../${ref}.${mac}`, 401],
      [`${end}.${ref.slice(1)}.${mac}`, 401],
      [`${end}.${ref.replace(/^./, (first) => (first === "A" ? "B" : "A"))}.${mac}`, 401],
      [`${end}.${others}.${mac}`, 403],
      [`${end}.${ref}.${othersMac}`, 403]
    ]
    for (const [given, status] of refusals) {
      expect([given, (yield* bare.register(browser.proof(given, true))).status]).toEqual([given, status])
    }
    // With the cookie of another session, that is the one.
    expect((yield* other.register(browser.proof(challenge, true))).status).toBe(403)
    const proof = browser.proof(challenge, true)
    const registered = yield* bare.register(proof)
    expect([registered.status, JSON.parse(registered.body).refresh_url]).toEqual([200, "/.well-known/session/refresh"])
    expect(registered.setCookie.map((line) => line.split("=")[0])).toEqual([boundName])
    expect((yield* bare.register(proof)).status).toBe(409)
    // Only registrations need no cookie.
    browser.known = JSON.parse(registered.body)
    bare.known = browser.known
    expect((yield* bare.renew()).status).toBe(401)
    expect((yield* browser.refresh()).status).toBe(200)
    browser.forget()
    expect((yield* browser.ask("/look")).body).toBe("nobody 0")
  })
)

it.effect("a session that is stored under its id is bound with the cookie only", () =>
  Effect.gen(function* () {
    const server = yield* serve(served, { ...options, id: { hashed: false } })
    const browser = browserAt(server)
    yield* browser.ask("/in?user=ada")
    expect(browser.offered!.text).not.toContain(browser.cookies.get("__Host-id")!)
    expect((yield* browserAt(server).register(browser.proof(browser.offered!.challenge, true))).status).toBe(401)
    expect((yield* browser.register()).status).toBe(200)
  })
)
