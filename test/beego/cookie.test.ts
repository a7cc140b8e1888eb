// beego's cookie: what the manager asks of it, the recorded cookies, and what Go will make of ours.

import { createDecipheriv, createHmac } from "node:crypto"
import { readFileSync } from "node:fs"
import { type SessionConfig, SessionHttp, type SessionManager } from "effect-session"
import { webHandlers } from "#dialect/http"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Redacted from "#effect/Redacted"
import * as Result from "#effect/Result"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import * as Gob from "../../src/beego/Gob.js"
import * as BeegoCookie from "../../src/beego/layouts/cookie.js"
import { makeSealer } from "../../src/beego/layouts/seal.js"
import type { Keeper, Saved } from "../../src/Manager/Keeper.js"
import type { Sealing } from "../../src/Provider/cookie/SealedSessions.js"
import { keeperOf } from "../support/cookies.js"
import { AppSession, managerLayer } from "../support/http.js"
import { comparable, type Description, describeSession } from "./describe.js"

interface Vector {
  readonly blockKey: string
  readonly securityKey: string
  readonly securityName: string
  readonly cookieValueRaw: string
  readonly cookieValueEscaped: string
  readonly parts: { readonly timestamp: string }
  readonly value: Description
}

const vectors: ReadonlyArray<Vector> = JSON.parse(
  readFileSync(new URL("../data/beego/vectors.json", import.meta.url), "utf8")
).cookies

const hour = Duration.hours(1)

const options = {
  securityKey: Redacted.make("beegocookiehashkey"),
  blockKey: Redacted.make("0123456789abcdef"),
  securityName: "beegosec",
  cookieName: "gosessionid",
  maxLifetime: hour
}

const bytes = (text: string) => new TextEncoder().encode(text)

const make = (changed: Partial<BeegoCookie.Options> = {}) =>
  Effect.map(BeegoCookie.make({ ...options, ...changed }), (sealing) => keeperOf(sealing))

/** A new session with this payload, as the cookie's value. */
const begin = (keeper: Keeper, payload: Uint8Array, ttl = hour) =>
  Effect.map(keeper.begin("00112233445566778899aabbccddeeff", payload, ttl), ({ token }) => token!)

const isLive = (keeper: Keeper, value: string) => Effect.map(keeper.open(value), (found) => found !== undefined)

/** As it was written: by the seconds since the epoch that it holds. */
const at = (seconds: number) => TestClock.setTime(seconds * 1000)

describe("a session", () => {
  it.effect("is written, renewed and moved from what the client sends", () =>
    Effect.gen(function* () {
      yield* at(1_795_388_122)
      const keeper = yield* make()
      expect(keeper.maxPayload).toBe(2_021)
      expect([keeper.revocable, keeper.needsResponse]).toEqual([false, true])
      const first = yield* keeper.begin("id", bytes("first"), hour)
      expect(yield* keeper.open(first.token!)).toEqual({ kept: first, payload: Buffer.from("first") })
      yield* TestClock.adjust("30 minutes")
      for (const result of [
        yield* keeper.save(first, bytes("next"), hour),
        yield* keeper.renew(first, "next", bytes("next"), hour, "rights")
      ]) {
        const { kept } = result as Saved
        expect(kept.expiresAt).toBe(first.expiresAt + 1_800_000)
        expect(yield* keeper.open(kept.token!)).toMatchObject({ payload: Buffer.from("next") })
      }
      yield* TestClock.adjust("1801 seconds")
      expect(yield* keeper.save(first, bytes("late"), hour)).toEqual({ _tag: "Lost" })
    })
  )

  it.effect("names itself in events by nothing that a client could send, escaped or not", () =>
    Effect.gen(function* () {
      yield* at(1_795_388_122)
      const keeper = yield* make()
      for (let length = 1; length < 4; length++) {
        const { id, ref, token } = yield* keeper.begin("id", new Uint8Array(length), hour)
        const escaped = yield* keeper.open(encodeURIComponent(token!))
        expect(escaped).toMatchObject({ kept: { ref, id } })
        expect(token).not.toContain(id!)
        expect(yield* isLive(keeper, id!)).toBe(false)
      }
    })
  )

  // beego's seal has nothing to know another by, so only this cookie is dead, in this process, for a request under way.
  it.effect("that has ended is not sealed again by a request under way; a copy can be read", () =>
    Effect.gen(function* () {
      yield* at(1_795_388_122)
      const keeper = yield* make()
      const kept = yield* keeper.begin("id", bytes("text"), hour)
      const { token, ...alike } = yield* keeper.begin("id", bytes("text"), hour)
      yield* keeper.end(encodeURIComponent(kept.token!))
      expect(yield* keeper.save(kept, bytes("late"), hour)).toEqual({ _tag: "Lost" })
      expect(yield* keeper.touch(kept, hour)).toBeUndefined()
      expect(yield* keeper.fate(kept.token!)).toBe("Ended")
      expect(yield* isLive(keeper, kept.token!)).toBe(true)
      // Another visitor's, of the same content and second.
      expect((yield* keeper.save({ ...alike, token }, bytes("next"), hour))._tag).toBe("Saved")
    })
  )

  it.effect("of which two requests renew the id is renewed by one of them", () =>
    Effect.gen(function* () {
      yield* at(1_795_388_122)
      const keeper = yield* make()
      const kept = yield* keeper.begin("id", bytes("text"), hour)
      expect((yield* keeper.renew(kept, "one", bytes("in"), hour, "rights"))._tag).toBe("Saved")
      expect(yield* keeper.renew(kept, "two", bytes("in"), hour, "rights")).toEqual({ _tag: "Lost" })
      expect(yield* keeper.fate(kept.token!)).toBe("Moved")
    })
  )
})

describe("what beego sealed", () => {
  for (const [i, vector] of vectors.entries()) {
    const { blockKey, cookieValueEscaped, cookieValueRaw, securityKey, securityName, value } = vector
    const timestamp = Number(vector.parts.timestamp)

    it(`number ${i + 1} opens, as it was sent and unescaped, to what it describes`, () => {
      const sealer = makeSealer({ blockKey, securityKey, securityName })
      for (const text of [cookieValueEscaped, cookieValueRaw]) {
        const { payload, sealedAt } = sealer.open(text)!
        expect(sealedAt).toBe(timestamp)
        expect(comparable(describeSession(Result.getOrThrow(Gob.decode(payload))))).toEqual(comparable(value))
      }
      for (const other of [
        { blockKey, securityName, securityKey: `${securityKey}x` },
        { blockKey, securityName: `${securityName}x`, securityKey }
      ]) {
        expect(makeSealer(other).open(cookieValueRaw)).toBeUndefined()
      }
    })
  }

  it.effect("lives for maxLifetime and not before its time, as for beego", () =>
    Effect.gen(function* () {
      const keeper = yield* make()
      const vector = vectors[1]!
      const timestamp = Number(vector.parts.timestamp)
      const isThere = isLive(keeper, vector.cookieValueEscaped)
      yield* at(timestamp - 1)
      expect(yield* isThere).toBe(false)
      yield* at(timestamp)
      expect(yield* isThere).toBe(true)
      // beego: "timestamp < now - maxlifetime" in whole seconds is the end.
      yield* at(timestamp + 3600.999)
      expect(yield* isThere).toBe(true)
      yield* at(timestamp + 3601)
      expect(yield* isThere).toBe(false)
    })
  )

  it.effect("is nothing once a single character of it is another", () =>
    Effect.gen(function* () {
      const keeper = yield* make()
      const vector = vectors[1]!
      yield* at(Number(vector.parts.timestamp))
      const { cookieValueRaw: value } = vector
      expect(yield* isLive(keeper, value)).toBe(true)
      for (let i = 0; i < value.length; i++) {
        const forged = `${value.slice(0, i)}${value[i] === "A" ? "B" : "A"}${value.slice(i + 1)}`
        expect(yield* isLive(keeper, forged)).toBe(false)
        expect(yield* isLive(keeper, value.slice(0, i))).toBe(false)
      }
    })
  )
})

/** beego's decodeCookie (sess_utils.go), in the order of its steps. */
const decodeCookie = (value: string, now: number, maxLifetime: number): Buffer => {
  const outer = Buffer.from(value, "base64")
  const first = outer.indexOf("|")
  const second = outer.indexOf("|", first + 1)
  const signed = Buffer.concat([Buffer.from("beegosec|"), outer.subarray(0, second + 1)])
  expect(outer.subarray(second + 1)).toEqual(
    createHmac("sha256", Redacted.value(options.securityKey)).update(signed).digest()
  )
  const timestamp = Number(outer.toString("latin1", 0, first))
  expect(timestamp).toBeLessThanOrEqual(now)
  expect(timestamp).toBeGreaterThanOrEqual(now - maxLifetime)
  const inner = outer.toString("latin1", first + 1, second)
  expect(inner).toMatch(/^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2}==|[A-Za-z0-9_-]{3}=)?$/)
  const bytes = Buffer.from(inner, "base64")
  expect(bytes.length).toBeGreaterThan(16)
  const key = Redacted.value(options.blockKey)
  return createDecipheriv("aes-128-ctr", key, bytes.subarray(0, 16)).update(bytes.subarray(16))
}

describe("what is sealed", () => {
  it.effect("is what beego opens, of any length and at any moment", () =>
    Effect.gen(function* () {
      const keeper = yield* make()
      for (let length = 1; length < 60; length++) {
        const millis = 1_795_388_122_000 + length * 37
        yield* TestClock.setTime(millis)
        const payload = Buffer.alloc(length, length)
        const value = yield* begin(keeper, payload)
        expect(value).toMatch(/^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2}==|[A-Za-z0-9_-]{3}=)?$/)
        expect(decodeCookie(value, Math.floor(millis / 1000), 3600)).toEqual(payload)
        expect(yield* isLive(keeper, encodeURIComponent(value))).toBe(true)
      }
    })
  )

  it.effect("has a new initial vector each time", () =>
    Effect.gen(function* () {
      const keeper = yield* make()
      yield* at(1_795_388_122)
      const values = yield* Effect.all(Array.from({ length: 100 }, () => begin(keeper, Buffer.from("same"))))
      expect(new Set(values).size).toBe(100)
    })
  )

  it.effect("is renewed by touch, and never lives longer than beego lets it", () =>
    Effect.gen(function* () {
      const keeper = yield* make()
      yield* at(1_795_388_122.5)
      const kept = yield* keeper.begin("id", Buffer.from("kept"), Duration.days(365))
      yield* at(1_795_388_122.5 + 3000)
      const renewed = (yield* keeper.touch(kept, hour))!
      yield* at(1_795_388_122.5 + 6000)
      expect(yield* isLive(keeper, kept.token!)).toBe(false)
      expect(yield* isLive(keeper, renewed.token!)).toBe(true)
    })
  )

  it.effect("fits into one cookie of a browser at its largest, with every attribute at its longest", () =>
    Effect.gen(function* () {
      yield* at(1_795_388_122)
      const name = "n".repeat(128)
      const sealing = yield* BeegoCookie.make({ ...options, cookieName: name })
      const manager = yield* sends(sealing, {
        name,
        domain: `${"d".repeat(60)}.${"e".repeat(60)}.${"f".repeat(60)}.${"g".repeat(60)}.example`,
        maxAge: "400 days",
        sameSite: "strict",
        partitioned: true
      })
      const lines = yield* manager("x".repeat(sealing.maxPayload - 300))
      expect(lines.length).toBe(1)
      expect(lines[0]!.length).toBeLessThanOrEqual(4096)
      expect(lines[0]!.length).toBeGreaterThan(3500)
    }).pipe(Effect.scoped)
  )

  it.effect("is sent as Go's QueryEscape does, and refused as TooLarge before anything is sent", () =>
    Effect.gen(function* () {
      yield* at(1_795_388_122)
      const sealing = yield* BeegoCookie.make(options)
      const manager = yield* sends(sealing, { name: "gosessionid" })
      for (let length = 0; length < 10; length++) {
        const [line] = yield* manager("x".repeat(length))
        const value = /^gosessionid=([^;]*);/.exec(line!)![1]!
        expect(value).toMatch(/^[A-Za-z0-9_-]+(%3D){0,2}$/)
        decodeCookie(decodeURIComponent(value), 1_795_388_122, 3600)
      }
      expect(yield* manager("x".repeat(2_021))).toEqual([])
    }).pipe(Effect.scoped)
  )
})

/** Answers the Set-Cookie lines of a request that begins a session with this user. */
const sends = (sealing: Sealing, cookie: NonNullable<SessionConfig.Options["cookie"]>) =>
  Effect.map(
    Effect.provide(
      webHandlers<SessionManager.SessionManager>(),
      managerLayer({ cookie, idleTimeout: hour, absoluteTimeout: Duration.infinity }, sealing)
    ),
    (handlerOf) => (userId: string) =>
      Effect.promise(async () => {
        const handle = handlerOf(
          SessionHttp.middleware(AppSession)(
            Effect.as(
              Effect.flatMap(AppSession, (session) => session.set("userId", userId)),
              HttpServerResponse.empty()
            )
          )
        )
        const response = await handle(new Request("http://localhost/"))
        expect(response.status).toBe(response.headers.getSetCookie().length === 0 ? 500 : 204)
        return response.headers.getSetCookie()
      })
  )

describe("options", () => {
  const wrong: Record<string, Partial<BeegoCookie.Options>> = {
    "securityKey: it is empty": { securityKey: Redacted.make("") },
    "blockKey: it is missing": { blockKey: Redacted.make("") },
    "blockKey: expected 16, 24 or 32 bytes": { blockKey: Redacted.make("secretsecret") },
    "securityName: it is missing": { securityName: "" },
    "maxLifetime: expected a positive": { maxLifetime: Duration.zero }
  }
  for (const [message, change] of Object.entries(wrong)) {
    it.effect(`are refused: ${message}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(BeegoCookie.make({ ...options, ...change }))
        expect(error.reason).toBe("InvalidConfig")
        expect(error.message).toContain(message)
        expect(error.message).not.toContain("secretsecret")
      })
    )
  }
})
