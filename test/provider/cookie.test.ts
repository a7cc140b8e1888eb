/**
 * The cookie provider: conformance in what it claims with and without revocations, keys, and what its options do.
 */
import { randomBytes } from "node:crypto"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { SessionError, SessionProvider } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Memory from "effect-session/memory"
import { Conformance } from "effect-session/testing"
import { browser, key } from "../support/cookies.js"

const capabilities: SessionProvider.Capabilities = {
  consistency: "lastWriteWins",
  regenerate: "ordered",
  heldBy: "client",
  revocable: false,
  durable: true,
  inProcess: true,
  answersWithin: Number.POSITIVE_INFINITY,
  maxPayload: 10_455,
  expirySlack: 0,
  inheritedIdChars: 0
}

const conforms = (
  name: string,
  options: Omit<Cookie.Options, "keys">,
  capabilities: SessionProvider.Capabilities,
  replays: boolean
) =>
  describe(name, () => {
    const values = new Map<string, string>()
    const keys = [key()]
    for (const { name, test } of Conformance.suite({
      layer: Layer.effect(
        SessionProvider.SessionProvider,
        Effect.map(Cookie.make({ ...options, keys }), (provider) => browser(values, provider, replays))
      ),
      capabilities,
      optional: { count: false, ids: false, gc: false },
      pass: TestClock.adjust
    })) {
      it.effect(name, () => test)
    }
  })

conforms("cookie, as honest browsers use it", {}, capabilities, false)

conforms(
  "cookie with revocations, against who replays each cookie that was ended",
  { revocations: Memory.make() },
  { ...capabilities, revocable: true },
  true
)

conforms("cookie, compressed", { compress: true }, { ...capabilities, maxPayload: 64 * 1024 }, false)

conforms("cookie, by libsodium", { cipher: "xchacha20-poly1305" }, capabilities, false)

const hour = Duration.hours(1)
const bytes = (text: string) => new TextEncoder().encode(text)
const named = (value: string, name = "sid") => `${name}=${value}` as SessionProvider.StoredId

/** A sealed session with this text, as the cookie's value. */
const given = (provider: SessionProvider.Provider, text: string, ttl = hour) =>
  Effect.map(provider.create(named(randomBytes(32).toString("base64url")), bytes(text), ttl), (result) => {
    expect(result._tag).toBe("Written")
    return result._tag === "Written" ? result.id! : ""
  })

const textOf = (stored: Option.Option<SessionProvider.Stored>) =>
  Option.getOrUndefined(Option.map(stored, ({ payload }) => new TextDecoder().decode(payload)))

const failure = <A>(effect: Effect.Effect<A, SessionError>) =>
  Effect.map(Effect.either(effect), (result) => (Either.isLeft(result) ? result.left : undefined))

describe("keys", () => {
  const random = randomBytes(32)
  const make = (...texts: Array<string>) => Cookie.make({ keys: texts.map((text) => Redacted.make(text)) })

  for (const encoding of ["base64", "base64url", "hex"] as const) {
    it.effect(`in ${encoding} are one and the same`, () =>
      Effect.gen(function* () {
        const sealed = yield* given(yield* make(random.toString("base64url")), "text")
        const other = yield* make(random.toString(encoding))
        expect(textOf(yield* other.read(named(sealed)))).toBe("text")
      })
    )
  }

  const bad: Record<string, string> = {
    "of 31 bytes": randomBytes(31).toString("base64url"),
    "that is empty": "",
    "of zeros": Buffer.alloc(32).toString("base64"),
    "of one byte, repeated": Buffer.alloc(64, 0xa7).toString("hex"),
    "that counts up": Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString("hex"),
    "of 16 bytes, twice": Buffer.concat([random.subarray(0, 16), random.subarray(0, 16)]).toString("base64"),
    "typed as hex": "deadbeef".repeat(8),
    "that is a phrase in base64": Buffer.from("correct horse battery staple and some more of it").toString("base64"),
    "that is a phrase": "correct-horse-battery-staple-and-some-more-of-it",
    "that is a placeholder": "changemechangemechangemechangemechangemechangeme",
    "in no encoding": "this is a passphrase! with spaces, and it is quite long"
  }
  for (const [name, text] of Object.entries(bad)) {
    it.effect(`refuses one ${name}, telling how to make one and not what it was`, () =>
      Effect.gen(function* () {
        const error = yield* failure(make(random.toString("hex"), text))
        expect(error?.reason).toBe("InvalidConfig")
        expect(error?.message).toContain("number 2 of 2")
        expect(error?.message).toContain("randomBytes(32)")
        if (text !== "") {
          expect(error?.message).not.toContain(text.slice(0, 8))
        }
      })
    )
  }

  it.effect("have no default", () =>
    Effect.map(failure(make()), (error) => expect(error?.reason).toBe("InvalidConfig"))
  )

  it.effect("that are random are accepted, 20,000 of 20,000", () =>
    Effect.gen(function* () {
      for (const encoding of ["base64", "base64url", "hex"] as const) {
        const texts = Array.from({ length: 6_667 }, () => randomBytes(32).toString(encoding))
        yield* make(...texts)
      }
    })
  )

  it.effect("rotate: the first seals, all open, and a dropped one no longer does", () =>
    Effect.gen(function* () {
      const [older, newer] = [key(), key()]
      const before = yield* Cookie.make({ keys: [older] })
      const during = yield* Cookie.make({ keys: [newer, older] })
      const after = yield* Cookie.make({ keys: [newer] })
      const old = yield* given(before, "text")
      expect(textOf(yield* during.read(named(old)))).toBe("text")
      const stored = Option.getOrThrow(yield* during.read(named(old)))
      const result = yield* during.write(named(old), bytes("next"), hour, stored.revision)
      const resealed = result._tag === "Written" ? result.id! : ""
      expect(textOf(yield* after.read(named(resealed)))).toBe("next")
      expect(Option.getOrThrow(yield* after.read(named(resealed))).id).toBe(stored.id)
      expect(textOf(yield* after.read(named(old)))).toBeUndefined()
    })
  )
})

describe("options", () => {
  it.effect("cipher: the default's sessions go on where another is chosen, and end where one goes back", () =>
    Effect.gen(function* () {
      const keys = [key()]
      const gcm = yield* Cookie.make({ keys })
      const xchacha = yield* Cookie.make({ keys, cipher: "xchacha20-poly1305" })
      const before = yield* given(gcm, "text")
      const stored = Option.getOrThrow(yield* xchacha.read(named(before)))
      const result = yield* xchacha.write(named(before), bytes("next"), hour, stored.revision)
      const after = result._tag === "Written" ? result.id! : ""
      expect(textOf(yield* xchacha.read(named(after)))).toBe("next")
      expect(textOf(yield* gcm.read(named(after)))).toBeUndefined()
    })
  )

  it.effect("validFrom ends the sessions that began before, and those that were renewed since", () =>
    Effect.gen(function* () {
      const keys = [key()]
      yield* TestClock.setTime(Date.parse("2030-01-01T00:00:00Z"))
      const provider = yield* Cookie.make({ keys })
      const first = yield* given(provider, "before", Duration.days(90))
      yield* TestClock.setTime(Date.parse("2030-02-01T00:00:00Z"))
      const touched = yield* provider.touch(named(first), Duration.days(90))
      const renewed = touched._tag === "Touched" ? touched.id! : ""
      const later = yield* given(provider, "after")
      const cut = yield* Cookie.make({ keys, validFrom: "2030-01-15T00:00:00Z" })
      expect(textOf(yield* provider.read(named(renewed)))).toBe("before")
      expect(textOf(yield* cut.read(named(renewed)))).toBeUndefined()
      expect(textOf(yield* cut.read(named(later)))).toBe("after")
    })
  )

  it.effect("compress makes a seal smaller, and only where it does", () =>
    Effect.gen(function* () {
      const keys = [key()]
      const [plain, small] = [yield* Cookie.make({ keys }), yield* Cookie.make({ keys, compress: true })]
      const text = "the same again, ".repeat(100)
      const noise = randomBytes(600).toString("latin1")
      const size = (provider: SessionProvider.Provider, text: string) =>
        Effect.map(given(provider, text), (value) => value.length)
      expect(yield* size(small, text)).toBeLessThan((yield* size(plain, text)) / 5)
      expect(yield* size(small, noise)).toBeLessThanOrEqual(yield* size(plain, noise))
      // Turned on and off: what is sealed already still opens.
      expect(textOf(yield* plain.read(named(yield* given(small, text))))).toBe(text)
      expect(textOf(yield* small.read(named(yield* given(plain, text))))).toBe(text)
      // What inflates to more than is allowed now is no session.
      const large = yield* given(small, "x".repeat(60_000))
      expect(textOf(yield* small.read(named(large)))).toBe("x".repeat(60_000))
      expect(textOf(yield* plain.read(named(large)))).toBeUndefined()
    })
  )

  it.effect("maxSize bounds what is sealed, and what is opened", () =>
    Effect.gen(function* () {
      const keys = [key()]
      const [large, small] = [yield* Cookie.make({ keys }), yield* Cookie.make({ keys, maxSize: 2_048 })]
      const value = yield* given(large, "x".repeat(3_000))
      expect(textOf(yield* small.read(named(value)))).toBeUndefined()
      const limit = small.capabilities.maxPayload
      expect((yield* given(small, "x".repeat(limit))).length).toBeLessThanOrEqual(2_048)
      expect((yield* failure(given(small, "x".repeat(limit + 1))))?.reason).toBe("TooLarge")
      // With an id as long as the configuration allows, too.
      const longest = yield* small.create(named("i".repeat(224)), new Uint8Array(limit), hour)
      expect(longest._tag).toBe("Written")
    })
  )

  it.effect("a session that does not fit is not ended by its regenerate", () =>
    Effect.gen(function* () {
      const provider = yield* Cookie.make({ keys: [key()], revocations: Memory.make() })
      const value = yield* given(provider, "kept")
      const { revision } = Option.getOrThrow(yield* provider.read(named(value)))
      const large = new Uint8Array(provider.capabilities.maxPayload + 1)
      const error = yield* failure(provider.regenerate(named(value), named("next"), large, hour, revision))
      expect(error?.reason).toBe("TooLarge")
      expect(textOf(yield* provider.read(named(value)))).toBe("kept")
    })
  )

  for (const [name, options] of [
    ["cipher", { cipher: "aes-256-cbc" as "aes-256-gcm" }],
    ["validFrom", { validFrom: "soon" }],
    ["maxSize", { maxSize: 100 }],
    ["maxSize", { maxSize: 1e6 }]
  ] as const) {
    it.effect(`refuses ${JSON.stringify(options)}`, () =>
      Effect.map(failure(Cookie.make({ keys: [key()], ...options })), (error) => {
        expect(error?.reason).toBe("InvalidConfig")
        expect(error?.message).toContain(name)
      })
    )
  }

  it.effect("revocations cannot be kept in cookies", () =>
    Effect.gen(function* () {
      const revocations = yield* Cookie.make({ keys: [key()] })
      expect((yield* failure(Cookie.make({ keys: [key()], revocations })))?.reason).toBe("InvalidConfig")
    })
  )
})

describe("revocations", () => {
  it.effect("hold nothing but a hash of the id, for as long as a copy may live", () =>
    Effect.gen(function* () {
      const revocations = Memory.make()
      const provider = yield* Cookie.make({ keys: [key()], revocations })
      const early = yield* given(provider, "secret")
      yield* TestClock.adjust("40 minutes")
      const touched = yield* provider.touch(named(early), hour)
      const late = touched._tag === "Touched" ? touched.id! : ""
      yield* TestClock.adjust("1 minute")
      // Ended by the older copy: the newer one, which lives longer, is dead as well, to its end.
      yield* provider.destroy(named(early))
      expect(yield* revocations.count!).toBe(1)
      yield* TestClock.adjust("58 minutes")
      expect(yield* provider.exists(named(late))).toBe(false)
      yield* TestClock.adjust("1 minute")
      expect(yield* provider.exists(named(late))).toBe(false)
      yield* TestClock.adjust("1 minute")
      expect(yield* provider.gc!).toBe(1)
      expect(yield* provider.exists(named(late))).toBe(false)
    })
  )

  it.effect("that cannot be reached let nobody in, and are told as Unavailable", () =>
    Effect.gen(function* () {
      const down = new SessionError({ reason: "Unavailable", message: "down" })
      const memory = Memory.make()
      const provider = yield* Cookie.make({
        keys: [key()],
        revocations: { ...memory, exists: () => Effect.fail(down), create: () => Effect.fail(down) }
      })
      const value = yield* given(provider, "text")
      expect((yield* failure(provider.read(named(value))))?.reason).toBe("Unavailable")
      expect((yield* failure(provider.destroy(named(value))))?.reason).toBe("Unavailable")
      // Without a session there is nothing to ask for.
      expect(Option.isNone(yield* provider.read(named("nonsense")))).toBe(true)
    })
  )
})
