/**
 * Sessions that are bound to a device: what a browser is told, and what is refused.
 */
import { createHmac, generateKeyPairSync } from "node:crypto"
import { SessionManager, SessionStore } from "effect-session"
import * as Effect from "#effect/Effect"
import * as Fiber from "#effect/Fiber"
import * as Stream from "#effect/Stream"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { boundName, jwt, makeKeys } from "../support/dbsc.js"
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

describe("a proof is refused", () => {
  it.effect("at the registration", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, options)
      const browser = browserAt(server)
      yield* browser.ask("/in?user=ada")
      const { challenge } = browser.offered!
      const jwk = browser.keys.publicKey.export({ format: "jwk" })
      const parts = (proof: string) => proof.split(".") as [string, string, string]
      const [header, payload, signature] = parts(browser.proof(challenge, true))
      const hmac = (header: object) => {
        const text = `${Buffer.from(JSON.stringify(header)).toString("base64url")}.${payload}`
        const secret = browser.keys.publicKey.export({ type: "spki", format: "pem" })
        return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`
      }
      const other = makeKeys("ES256")
      const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" })
      const rsa = makeKeys("RS256")
      const small = generateKeyPairSync("rsa", { modulusLength: 1024 })
      const offering = (keys: { publicKey: typeof rsa.publicKey; privateKey: typeof rsa.privateKey }, alg: string) =>
        jwt(
          { alg, typ: "dbsc+jwt", jwk: keys.publicKey.export({ format: "jwk" }) },
          { jti: challenge },
          keys.privateKey
        )
      const cases: Readonly<Record<string, string>> = {
        nothing: "",
        "no token": "hello",
        "alg none": browser.proof(challenge, true, { header: { alg: "none" } }),
        "no signature": `${header}.${payload}.`,
        "HS256 with the public key": hmac({ alg: "HS256", typ: "dbsc+jwt", jwk }),
        "another type": browser.proof(challenge, true, { header: { typ: "JWT" } }),
        "no type": browser.proof(challenge, true, { header: { typ: undefined } }),
        "no key": browser.proof(challenge),
        "a symmetric key": browser.proof(challenge, true, { header: { jwk: { kty: "oct", k: "AAAA" } } }),
        "another algorithm than the key's": browser.proof(challenge, true, { header: { alg: "RS256" } }),
        "another curve": offering(p384, "ES256"),
        "an algorithm that was not offered": offering(rsa, "PS256"),
        "a short key": offering(small, "RS256"),
        "another key's signature": browser.proof(challenge, true, { key: other.privateKey }),
        "another payload": [header, Buffer.from('{"jti":"x"}').toString("base64url"), signature].join("."),
        "a challenge of its own": browser.proof("hello", true),
        "a challenge with another end": browser.proof(challenge.replace(/^./, "z"), true),
        "a challenge that is no text": browser.proof(challenge, true, { payload: { jti: [challenge] } }),
        "an ASN.1 signature": `${header}.${payload}.${Buffer.alloc(70, 48).toString("base64url")}`,
        oversized: browser.proof(challenge, true, { payload: { filler: "x".repeat(4096) } }),
        "sent twice": [1, 2].map(() => browser.proof(challenge, true)).join(", ")
      }
      for (const [name, proof] of Object.entries(cases)) {
        const { headers, status } = yield* browser.register(proof)
        expect([name, status, headers["secure-session-challenge"]]).toEqual([name, 403, undefined])
      }
      expect(JSON.parse((yield* browser.ask("/list?user=ada")).body)).toEqual([false])
      expect((yield* browser.register()).status).toBe(200)
    })
  )

  it.effect("of another session's challenge, or of one that has ended", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, options)
      const [one, two] = [browserAt(server), browserAt(server)]
      yield* one.ask("/in?user=ada")
      yield* two.ask("/in?user=ada")
      expect((yield* one.register(one.proof(two.offered!.challenge, true))).status).toBe(403)
      yield* TestClock.adjust("11 minutes")
      expect((yield* one.register()).status).toBe(403)
      yield* one.ask("/in?user=ada")
      expect((yield* one.register()).status).toBe(200)
    })
  )

  it.effect("at a refresh", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, options)
      const browser = yield* boundBrowser(server)
      const thief = browser.stolen()
      thief.known = browser.known
      yield* thief.renew()
      const challenge = thief.challenge!
      const other = makeKeys("RS256")
      const cases: Readonly<Record<string, string>> = {
        "the thief's key": thief.proof(challenge),
        "the thief's key in the header": thief.proof(challenge, true),
        "another algorithm": jwt({ alg: "RS256", typ: "dbsc+jwt" }, { jti: challenge }, other.privateKey),
        "alg none": `${browser.proof(challenge, false, { header: { alg: "none" } })}`,
        nothing: "x"
      }
      for (const [name, proof] of Object.entries(cases)) {
        const { headers, setCookie, status } = yield* thief.renew(proof)
        expect([name, status, headers["secure-session-challenge"], setCookie]).toEqual([name, 403, undefined, []])
      }
      // The right key, with a proof that somebody has seen: a fresh challenge, and no cookie.
      const seen = browser.proof(challenge)
      expect((yield* browser.renew(seen)).status).toBe(200)
      const again = yield* thief.renew(seen)
      expect([again.status, again.headers["secure-session-challenge"], again.setCookie]).toEqual([
        403,
        expect.any(String),
        []
      ])
      // And one that names another session.
      thief.known = { ...browser.known!, session_identifier: "another" }
      expect((yield* thief.renew(browser.proof(thief.challenge!))).status).toBe(401)
    })
  )

  it.effect("of a device that answers more challenges than it needs, which does not end its binding", () =>
    Effect.gen(function* () {
      const server = yield* serve(served, options)
      const browser = yield* boundBrowser(server)
      const statuses: Array<number> = []
      for (let i = 0; i < 65; i++) {
        statuses.push((yield* browser.renew(browser.proof(browser.challenge!))).status)
      }
      // The registration was the first of 64.
      expect(statuses).toEqual([...Array.from({ length: 63 }, () => 200), 429, 429])
      yield* TestClock.adjust("11 minutes")
      expect((yield* browser.refresh()).status).toBe(200)
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
