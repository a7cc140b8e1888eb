/**
 * Sessions that are bound to a device: what a browser is told.
 */
import { SessionManager, SessionStore } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { boundName } from "../support/dbsc.js"
import { serve } from "../support/http.js"
import { boundBrowser, browserAt, Desk, served } from "./app.js"

const options = { deviceBound: { every: "10 minutes" } } as const

describe("a session is bound", () => {
  for (const algorithm of ["ES256", "RS256"] as const) {
    it.effect(`with ${algorithm}: after a sign-in, once, and renewed`, () =>
      Effect.gen(function* () {
        const server = yield* serve(served, options)
        const browser = browserAt(server, algorithm)
        const before = yield* browser.ask("/count")
        expect(before.headers["secure-session-registration"]).toBeUndefined()

        const signedIn = yield* browser.ask("/in?user=ada")
        expect(signedIn.headers["secure-session-registration"]).toMatch(
          /^\(ES256 RS256\);path="\/\.well-known\/session";challenge="[\w.-]+"$/
        )
        expect(signedIn.setCookie.find((line) => line.startsWith(boundName))).toMatch(
          /^__Host-id-bound=[\w.-]+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/
        )
        expect((yield* browser.ask("/look")).headers["secure-session-registration"]).toBeUndefined()

        const registered = yield* browser.register()
        expect(registered.status).toBe(200)
        expect(registered.headers["content-type"]).toMatch(/^application\/json/)
        expect(registered.headers["cache-control"]).toBe("no-store")
        expect(JSON.parse(registered.body)).toEqual({
          session_identifier: expect.stringMatching(/^[\w-]{22}$/),
          refresh_url: "/.well-known/session/refresh",
          scope: { include_site: false },
          credentials: [{ type: "cookie", name: boundName, attributes: "Path=/; HttpOnly; Secure; SameSite=Lax" }]
        })
        expect(registered.headers["secure-session-challenge"]).toMatch(/^"[\w.-]+";id="[\w-]{22}"$/)

        // The next proof needs one round trip: its challenge came ahead.
        const next = yield* browser.renew(browser.proof(browser.challenge!))
        expect([next.status, (yield* browser.ask("/look")).body]).toEqual([200, "ada 1"])
        // And two without one.
        browser.forget()
        const asked = yield* browser.renew()
        expect([asked.status, asked.headers["secure-session-challenge"]]).toEqual([403, expect.any(String)])
        expect((yield* browser.refresh()).status).toBe(200)
        expect((yield* browser.ask("/look")).body).toBe("ada 1")

        // A second key is refused, even with a challenge that was not used.
        const thief = browser.stolen()
        expect((yield* thief.register(thief.proof(browser.challenge!, true))).status).toBe(409)
      })
    )
  }

  it.effect("the scope is the origin that the browser names", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, options)
      const browser = browserAt(server)
      yield* browser.ask("/in?user=ada")
      const { body } = yield* browser.ask(browser.offered!.path, {
        method: "POST",
        headers: {
          origin: "https://app.example:8443",
          "sec-fetch-site": "same-origin",
          "secure-session-response": browser.proof(browser.offered!.challenge, true)
        }
      })
      expect(JSON.parse(body).scope).toEqual({ origin: "https://app.example:8443", include_site: false })
    })
  )

  it.effect("without the fresh cookie it is no session: changes fail, reads see nobody, and nothing is set", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, options)
      const browser = yield* boundBrowser(server)
      const events = yield* Effect.forkChild(
        Stream.runCollect(
          Stream.take(
            Stream.filter(server.manager.events, ({ _tag }) => _tag === "Unproven" || _tag === "Refreshed"),
            4
          )
        )
      )
      yield* Effect.yieldNow
      const thief = browser.stolen()
      yield* TestClock.adjust("10 minutes")
      yield* browser.refresh()
      expect((yield* thief.ask("/look")).body).toBe("ada 0")
      yield* TestClock.adjust("31 seconds")
      const seen = yield* thief.ask("/look")
      expect([seen.status, seen.body, seen.setCookie]).toEqual([200, "nobody 0", []])
      for (const path of ["/count", "/saved", "/renew"]) {
        const { setCookie, status } = yield* thief.ask(path)
        expect([path, status, setCookie]).toEqual([path, 401, []])
      }
      // The browser goes on.
      expect((yield* browser.ask("/count")).body).toBe("ada 1")
      const kinds = Array.from(yield* Fiber.join(events), ({ _tag }) => _tag)
      expect(kinds).toEqual(["Refreshed", "Unproven", "Unproven", "Unproven"])
    })
  )

  it.effect("a sign-in without a proof begins another session; a sign-out ends the one that is there", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, options)
      const browser = yield* boundBrowser(server)
      const other = browser.stolen()
      other.forget()
      const signedIn = yield* other.ask("/in?user=bob")
      expect([signedIn.body, signedIn.headers["secure-session-registration"]]).toEqual(["bob 0", expect.any(String)])
      expect((yield* browser.ask("/look")).body).toBe("ada 0")

      const third = browser.stolen()
      third.forget()
      const out = yield* third.ask("/out")
      expect([out.status, third.cookies.size]).toEqual([200, 0])
      expect((yield* browser.ask("/look")).body).toBe("nobody 0")
    })
  )

  it.effect("signing out removes both cookies, and the browser is told to drop its binding", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, options)
      const browser = yield* boundBrowser(server)
      expect([...browser.cookies.keys()].sort()).toEqual(["__Host-id", boundName])
      const thief = browser.stolen()
      yield* browser.ask("/out")
      expect([...browser.cookies.keys()]).toEqual([])
      for (const each of [browser, thief]) {
        const { headers, status } = yield* each.renew()
        expect([status, headers["secure-session-challenge"]]).toEqual([401, undefined])
      }
      expect((yield* browser.renew(browser.proof(browser.challenge!))).status).toBe(401)
    })
  )

  it.effect("the binding stays while the id changes, and goes with the person", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, { ...options, id: { renewEvery: "1 minute" } })
      const browser = yield* boundBrowser(server)
      const offered = browser.offered
      const before = browser.known
      for (const path of ["/renew", "/in?user=ada", "/look"]) {
        const id = browser.cookies.get("__Host-id")
        if (path === "/look") yield* TestClock.adjust("2 minutes")
        yield* browser.ask(path)
        expect(browser.cookies.get("__Host-id")).not.toBe(id)
        const { body, status } = yield* browser.refresh()
        expect([path, status, JSON.parse(body)]).toEqual([path, 200, before])
      }
      expect(browser.offered).toBe(offered)
      const old = browser.stolen()
      yield* TestClock.adjust("2 minutes")
      yield* browser.ask("/look")
      // Within the grace, the old id leads to the session; the proof renews that one, and tells the new id.
      old.known = browser.known
      old.forget()
      const asked = yield* old.renew()
      const proved = yield* old.renew(browser.proof(old.challenge!))
      expect([asked.status, asked.setCookie, proved.status]).toEqual([403, [], 200])
      expect(old.cookies.get("__Host-id")).toBe(browser.cookies.get("__Host-id"))

      const another = yield* browser.ask("/in?user=bob")
      expect(another.headers["secure-session-registration"]).toBeDefined()
      // The browser's old binding is over, and the new one begins.
      expect((yield* browser.refresh()).status).toBe(401)
      yield* browser.register()
      expect(browser.known?.session_identifier).not.toBe(before?.session_identifier)
      expect((yield* browser.refresh()).status).toBe(200)
    })
  )

  it.effect("only signed-in people's sessions, and only by POST", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, options)
      const browser = browserAt(server)
      expect((yield* browser.register()).status).toBe(401)
      yield* browser.ask("/count")
      expect((yield* browser.register()).status).toBe(401)
      yield* browser.ask("/in?user=ada")
      const challenge = browser.offered!.challenge
      const got = yield* browser.ask("/.well-known/session", {
        headers: { "secure-session-response": browser.proof(challenge, true) }
      })
      expect([got.status, got.headers["allow"]]).toEqual([405, "POST"])
      expect((yield* browser.ask("/.well-known/session/other", { method: "POST" })).status).toBe(404)
      expect((yield* browser.renew()).status).toBe(401)
      expect((yield* browser.register()).status).toBe(200)
    })
  )

  it.effect("the list of devices says which are bound", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, options)
      const browser = yield* boundBrowser(server)
      yield* browserAt(server).ask("/in?user=ada")
      expect(JSON.parse((yield* browser.ask("/list?user=ada")).body)).toEqual([true, false])
    })
  )
})

it.effect("a proof that was made while the clock was ahead does not prolong the next ones", () =>
  Effect.gen(function* () {
    const server = yield* serve(served, options)
    const browser = browserAt(server)
    yield* browser.ask("/in?user=ada&remember")
    yield* browser.register()
    yield* TestClock.setTime(5 * 24 * 3_600_000)
    yield* browser.refresh()
    yield* TestClock.setTime(60_000)
    browser.forget()
    expect((yield* browser.refresh()).status).toBe(200)
    expect((yield* browser.ask("/look")).body).toBe("ada 0")
    yield* TestClock.adjust("12 minutes")
    expect((yield* browser.ask("/look")).body).toBe("nobody 0")
  })
)

it.effect("outside of requests, a bound session is opened as others", () =>
  Effect.gen(function* () {
    const server = yield* serve(served, options)
    const browser = yield* boundBrowser(server)
    yield* TestClock.adjust("20 minutes")
    const id = SessionStore.sessionId(browser.cookies.get("__Host-id")!)
    const opened = yield* Effect.provideService(
      Effect.flatMap(SessionManager.open(Desk, id), (session) => session.principal),
      SessionManager.SessionManager,
      server.manager
    )
    expect(opened._tag).toBe("Some")
  })
)
