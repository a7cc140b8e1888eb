// beego's cookie: conformance as far as it goes, the recorded cookies, and what Go will make of ours.
import { createDecipheriv, createHmac } from "node:crypto"
import { readFileSync } from "node:fs"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { SessionConfig, SessionHttp, SessionManager, SessionProvider } from "effect-session"
import { Conformance } from "effect-session/testing"
import * as BeegoCookie from "../../src/Provider/beego/cookie.js"
import { makeSealer } from "../../src/Provider/beego/seal.js"
import * as Gob from "../../src/Store/Gob.js"
import { browser } from "../support/cookies.js"
import { AppSession } from "../support/http.js"
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

const cookie = (value: string) => `gosessionid=${value}` as SessionProvider.StoredId

const fresh = cookie("00112233445566778899aabbccddeeff")

const idOf = (result: { readonly _tag: string; readonly id?: string }) => {
  expect(result._tag).toMatch(/Written|Touched/)
  return result.id!
}

/** As it was written: by the seconds since the epoch that it holds. */
const at = (seconds: number) => TestClock.setTime(seconds * 1000)

describe("conformance, as honest browsers use it", () => {
  const values = new Map<string, string>()
  const capabilities: SessionProvider.Capabilities = {
    ...SessionProvider.defaultCapabilities,
    consistency: "lastWriteWins",
    regenerate: "ordered",
    heldBy: "client",
    revocable: false,
    inProcess: true,
    maxPayload: 2_021,
    expirySlack: 1000
  }
  for (const { name, test } of Conformance.suite({
    layer: Layer.effect(
      SessionProvider.SessionProvider,
      Effect.map(BeegoCookie.make({ ...options, maxLifetime: Duration.days(60) }), (provider) =>
        browser(values, provider, false)
      )
    ),
    capabilities,
    optional: { count: false, ids: false, gc: false },
    pass: TestClock.adjust
  })) {
    it.effect(name, () => Effect.zipRight(TestClock.setTime(Date.now()), test))
  }
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
        expect(comparable(describeSession(Either.getOrThrow(Gob.decode(payload))))).toEqual(comparable(value))
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
      const provider = yield* BeegoCookie.make(options)
      const vector = vectors[1]!
      const timestamp = Number(vector.parts.timestamp)
      const isThere = provider.exists(cookie(vector.cookieValueEscaped))
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
      const provider = yield* BeegoCookie.make(options)
      const vector = vectors[1]!
      yield* at(Number(vector.parts.timestamp))
      const { cookieValueRaw: value } = vector
      expect(yield* provider.exists(cookie(value))).toBe(true)
      for (let i = 0; i < value.length; i++) {
        const forged = `${value.slice(0, i)}${value[i] === "A" ? "B" : "A"}${value.slice(i + 1)}`
        expect(yield* provider.exists(cookie(forged))).toBe(false)
        expect(yield* provider.exists(cookie(value.slice(0, i)))).toBe(false)
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
      const provider = yield* BeegoCookie.make(options)
      for (let length = 1; length < 60; length++) {
        const millis = 1_795_388_122_000 + length * 37
        yield* TestClock.setTime(millis)
        const payload = Buffer.alloc(length, length)
        const value = idOf(yield* provider.create(fresh, payload, hour))
        expect(value).toMatch(/^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2}==|[A-Za-z0-9_-]{3}=)?$/)
        expect(decodeCookie(value, Math.floor(millis / 1000), 3600)).toEqual(payload)
        expect(Option.isSome(yield* provider.read(cookie(encodeURIComponent(value))))).toBe(true)
      }
    })
  )

  it.effect("has a new initial vector each time", () =>
    Effect.gen(function* () {
      const provider = yield* BeegoCookie.make(options)
      yield* at(1_795_388_122)
      const values = yield* Effect.all(
        Array.from({ length: 100 }, () => Effect.map(provider.create(fresh, Buffer.from("same"), hour), idOf))
      )
      expect(new Set(values).size).toBe(100)
    })
  )

  it.effect("is renewed by touch, and never lives longer than beego lets it", () =>
    Effect.gen(function* () {
      const provider = yield* BeegoCookie.make(options)
      yield* at(1_795_388_122.5)
      const value = idOf(yield* provider.create(fresh, Buffer.from("kept"), Duration.days(365)))
      yield* at(1_795_388_122.5 + 3000)
      const touched = yield* provider.touch(cookie(value), hour)
      const renewed = idOf(touched)
      yield* at(1_795_388_122.5 + 6000)
      expect(Option.isNone(yield* provider.read(cookie(value)))).toBe(true)
      expect(Option.isSome(yield* provider.read(cookie(renewed)))).toBe(true)
    })
  )

  it.effect("fits into one cookie of a browser at its largest, with every attribute at its longest", () =>
    Effect.gen(function* () {
      yield* at(1_795_388_122)
      const name = "n".repeat(128)
      const provider = yield* BeegoCookie.make({ ...options, cookieName: name })
      const manager = yield* sends(provider, {
        name,
        domain: `${"d".repeat(60)}.${"e".repeat(60)}.${"f".repeat(60)}.${"g".repeat(60)}.example`,
        maxAge: "400 days",
        sameSite: "strict",
        partitioned: true
      })
      const lines = yield* manager("x".repeat(provider.capabilities.maxPayload - 300))
      expect(lines.length).toBe(1)
      expect(lines[0]!.length).toBeLessThanOrEqual(4096)
      expect(lines[0]!.length).toBeGreaterThan(3500)
    }).pipe(Effect.scoped)
  )

  it.effect("is sent as Go's QueryEscape does, and refused as TooLarge before anything is sent", () =>
    Effect.gen(function* () {
      yield* at(1_795_388_122)
      const provider = yield* BeegoCookie.make(options)
      const manager = yield* sends(provider, { name: "gosessionid" })
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
const sends = (provider: SessionProvider.Provider, cookie: NonNullable<SessionConfig.Options["cookie"]>) =>
  Effect.map(
    Effect.provide(
      Effect.runtime<SessionManager.SessionManager>(),
      Layer.provide(
        SessionManager.layer(SessionConfig.make({ cookie, idleTimeout: hour, absoluteTimeout: Duration.infinity })),
        Layer.succeed(SessionProvider.SessionProvider, provider)
      )
    ),
    (runtime) => (userId: string) =>
      Effect.promise(async () => {
        const handle = HttpApp.toWebHandlerRuntime(runtime)(
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
