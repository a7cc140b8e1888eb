/**
 * Proofs of bound sessions that are refused: forged, seen before, or of another session or key.
 */
import { createHmac, generateKeyPairSync } from "node:crypto"
import * as Effect from "#effect/Effect"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import { jwt, makeKeys } from "../support/dbsc.js"
import { serve } from "../support/http.js"
import { boundBrowser, browserAt, served } from "./app.js"

const options = { deviceBound: { every: "10 minutes" } } as const

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
