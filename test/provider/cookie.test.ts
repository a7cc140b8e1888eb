/**
 * Sealed cookies, by what the manager asks of them: keys, what the options do, and what is still told of sessions that have ended.
 */

import { hash, randomBytes } from "node:crypto"
import { SessionError, type SessionProvider } from "effect-session"
import * as Cookie from "effect-session/cookie"
import * as Memory from "effect-session/memory"
import { errorOf } from "#dialect/result"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Result from "#effect/Result"
import * as TestClock from "#effect/testing/TestClock"
import { describe, expect, it } from "#test/vitest"
import type { Changed, Keeper, Kept, Lost, Saved } from "../../src/Manager/Keeper.js"
import { keeperOf, key } from "../support/cookies.js"

const hour = Duration.hours(1)
const bytes = (text: string) => new TextEncoder().encode(text)
const sha256 = (text: string) => hash("sha256", text, "base64url")

const make = (options: Omit<Cookie.Options, "keys"> = {}, keys: Cookie.Options["keys"] = [key()]) =>
  Effect.map(Cookie.make({ ...options, keys }), (sealing) => keeperOf(sealing))

/** A new session with this text. */
const begin = (keeper: Keeper, text: string, ttl = hour) =>
  Effect.suspend(() => keeper.begin(keeper.makeId(undefined), bytes(text), ttl))

const saved = (result: Saved | Changed | Lost): Kept => {
  expect(result._tag).toBe("Saved")
  return (result as Saved).kept
}

const textOf = (found: Effect.Success<ReturnType<Keeper["open"]>>) =>
  found === undefined || found === "Reused" ? found : new TextDecoder().decode(found.payload)

/** What is in a session, read by what its client sends. */
const read = (keeper: Keeper, { token }: Kept) => Effect.map(keeper.open(token!), textOf)

const failure = <A>(effect: Effect.Effect<A, SessionError>) =>
  Effect.map(Effect.result(effect), (result) => (Result.isFailure(result) ? errorOf(result) : undefined))

describe("a session", () => {
  for (const [name, options] of [
    ["by default", {}],
    ["by libsodium", { cipher: "xchacha20-poly1305" }],
    ["compressed", { compress: true }],
    ["with revocations", { revocations: Memory.make() }]
  ] as const) {
    it.effect(`keeps id, beginning and lifetime over writes, and has another id once it is renewed, ${name}`, () =>
      Effect.gen(function* () {
        const keeper = yield* make(options)
        const first = yield* begin(keeper, "first")
        expect(yield* keeper.open(first.token!)).toEqual({ kept: first, payload: Buffer.from("first") })
        expect(first.ref).toBe(sha256(first.id!))
        yield* TestClock.adjust("10 minutes")
        const second = saved(yield* keeper.save(first, bytes("second"), hour))
        expect([second.id, second.ref, second.expiresAt]).toEqual([first.id, first.ref, first.expiresAt + 600_000])
        expect(second.revision).not.toBe(first.revision)
        const touched = (yield* keeper.touch(second, Duration.hours(2)))!
        expect(touched).toEqual({ ...second, token: touched.token, expiresAt: second.expiresAt + 3_600_000 })
        expect(yield* read(keeper, touched)).toBe("second")
        const id = keeper.makeId(touched)
        const renewed = saved(yield* keeper.renew(touched, id, bytes("third"), hour, "rights"))
        expect(renewed.id).toBe(id)
        expect(id).toMatch(/^[A-Za-z0-9_-]{43}$/)
        expect(yield* read(keeper, renewed)).toBe("third")
        yield* TestClock.adjust(hour)
        expect(yield* read(keeper, renewed)).toBeUndefined()
        expect(yield* keeper.save(renewed, bytes("late"), hour)).toEqual({ _tag: "Lost" })
        expect(yield* keeper.touch(renewed, hour)).toBeUndefined()
        expect(yield* keeper.fate(renewed.token!)).toBe("Unknown")
      })
    )
  }

  it.effect("is for a cookie of its own name, and can be found by nothing but its token", () =>
    Effect.gen(function* () {
      const sealing = yield* Cookie.make({ keys: [key()] })
      const keeper = keeperOf(sealing)
      const kept = yield* begin(keeper, "text")
      expect(yield* read(keeperOf(sealing, undefined, "other"), kept)).toBeUndefined()
      expect(yield* keeper.find(kept.ref)).toBeUndefined()
      expect(yield* keeper.open(kept.id!)).toBeUndefined()
      expect(keeper.refOf("nonsense")).toBe(sha256("nonsense"))
      expect([keeper.accepts(kept.token!), keeper.accepts("")]).toEqual([true, false])
    })
  )

  // What docs/providers/cookie.md warns of first.
  it.effect("is brought back to what it was by an older token, with revocations too", () =>
    Effect.gen(function* () {
      const keeper = yield* make({ revocations: Memory.make() })
      const older = yield* begin(keeper, "3 left")
      saved(yield* keeper.save(older, bytes("2 left"), hour))
      expect(yield* read(keeper, older)).toBe("3 left")
    })
  )
})

describe("keys", () => {
  const random = randomBytes(32)
  const made = (...texts: Array<string>) =>
    make(
      {},
      texts.map((text) => Redacted.make(text))
    )

  for (const encoding of ["base64", "base64url", "hex"] as const) {
    it.effect(`in ${encoding} are one and the same`, () =>
      Effect.gen(function* () {
        const kept = yield* begin(yield* made(random.toString("base64url")), "text")
        expect(yield* read(yield* made(random.toString(encoding)), kept)).toBe("text")
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
    "that is a phrase of several cases": "MySuperSecretSessionKeyForProductionDoNotShare2026",
    "that is a phrase with signs and numbers": "P4ssw0rd-P4ssw0rd-Acme-Corp-Session-Secret-2026",
    "that is a placeholder of capitals": "CHANGE-ME-in-production-CHANGE-ME-in-production",
    "with digits for letters": "d0ntT3llAny0neThisIsMyS3cr3tK3yF0rSess10ns",
    "typed along the keyboard": "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0pQWERTY12",
    "that is a phrase with accents, in base64": Buffer.from("le cheval correct agrafe la batterie électrique").toString(
      "base64"
    ),
    "that is a phrase in UTF-16, in base64": Buffer.from("correct horse battery", "utf16le").toString("base64"),
    "with stray bits at its end": `${random.toString("base64url").slice(0, -1)}B`,
    "in no encoding": "this is a passphrase! with spaces, and it is quite long"
  }
  for (const [name, text] of Object.entries(bad)) {
    it.effect(`refuses one ${name}, telling how to make one and not what it was`, () =>
      Effect.gen(function* () {
        const error = yield* failure(made(random.toString("hex"), text))
        expect(error?.reason).toBe("InvalidConfig")
        expect(error?.message).toContain("number 2 of 2")
        expect(error?.message).toContain("openssl rand -base64 32")
        if (text !== "") {
          expect(error?.message).not.toContain(text.slice(0, 8))
        }
      })
    )
  }

  it.effect("may be bytes, which are checked too", () =>
    Effect.gen(function* () {
      const kept = yield* begin(yield* made(random.toString("base64url")), "text")
      expect(yield* read(yield* make({}, [Redacted.make(new Uint8Array(random))]), kept)).toBe("text")
      const error = yield* failure(make({}, [Redacted.make(new TextEncoder().encode("a phrase ".repeat(5)))]))
      expect(error?.message).toContain("number 1 of 1: it is text that someone wrote")
    })
  )

  it.effect("have no default", () =>
    Effect.map(failure(made()), (error) => expect(error?.reason).toBe("InvalidConfig"))
  )

  it.effect("that are random are accepted, 20,000 of 20,000", () =>
    Effect.gen(function* () {
      for (const encoding of ["base64", "base64url", "hex"] as const) {
        yield* made(...Array.from({ length: 6_667 }, () => randomBytes(32).toString(encoding)))
      }
    })
  )

  it.effect("rotate: the first seals, all open, and a dropped one no longer does", () =>
    Effect.gen(function* () {
      const [older, newer] = [key(), key()]
      const before = yield* make({}, [older])
      const during = yield* make({}, [newer, older])
      const after = yield* make({}, [newer])
      const old = yield* begin(before, "text")
      expect(yield* read(during, old)).toBe("text")
      const resealed = saved(yield* during.save(old, bytes("next"), hour))
      expect(yield* read(after, resealed)).toBe("next")
      expect(resealed.id).toBe(old.id)
      expect(yield* read(after, old)).toBeUndefined()
    })
  )
})

describe("options", () => {
  it.effect("cipher: the default's sessions go on if another is chosen, and end if one goes back", () =>
    Effect.gen(function* () {
      const keys = [key()]
      const gcm = yield* make({}, keys)
      const xchacha = yield* make({ cipher: "xchacha20-poly1305" }, keys)
      const before = yield* begin(gcm, "text")
      const after = saved(yield* xchacha.save(before, bytes("next"), hour))
      expect(yield* read(xchacha, after)).toBe("next")
      expect(yield* read(gcm, after)).toBeUndefined()
    })
  )

  it.effect("compress makes a seal smaller, and only if it does", () =>
    Effect.gen(function* () {
      const keys = [key()]
      const [plain, small] = [yield* make({}, keys), yield* make({ compress: true }, keys)]
      const text = "the same again, ".repeat(100)
      const noise = randomBytes(600).toString("latin1")
      const size = (keeper: Keeper, text: string) => Effect.map(begin(keeper, text), ({ token }) => token!.length)
      expect(yield* size(small, text)).toBeLessThan((yield* size(plain, text)) / 5)
      expect(yield* size(small, noise)).toBeLessThanOrEqual(yield* size(plain, noise))
      // Turned on and off: what is sealed already still opens.
      expect(yield* read(plain, yield* begin(small, text))).toBe(text)
      expect(yield* read(small, yield* begin(plain, text))).toBe(text)
      // What inflates to more than is allowed now is no session.
      const large = yield* begin(small, "x".repeat(60_000))
      expect(yield* read(small, large)).toBe("x".repeat(60_000))
      expect(yield* read(plain, large)).toBeUndefined()
      expect([plain.maxPayload, small.maxPayload]).toEqual([10_455, 64 * 1024])
    })
  )

  it.effect("maxSize bounds what is sealed, and what is opened", () =>
    Effect.gen(function* () {
      const keys = [key()]
      const [large, small] = [yield* make({}, keys), yield* make({ maxSize: 2_048 }, keys)]
      const kept = yield* begin(large, "x".repeat(3_000))
      expect(yield* read(small, kept)).toBeUndefined()
      const limit = small.maxPayload
      expect((yield* begin(small, "x".repeat(limit))).token!.length).toBeLessThanOrEqual(2_048)
      expect((yield* failure(begin(small, "x".repeat(limit + 1))))?.reason).toBe("TooLarge")
      // With an id as long as the configuration allows, too.
      expect((yield* small.begin("i".repeat(224), new Uint8Array(limit), hour)).token!.length).toBeLessThanOrEqual(
        2_048
      )
    })
  )

  for (const [name, options] of [
    ["cipher", { cipher: "aes-256-cbc" as "aes-256-gcm" }],
    ["maxSize", { maxSize: 100 }],
    ["maxSize", { maxSize: 1e6 }]
  ] as const) {
    it.effect(`refuses ${JSON.stringify(options)}`, () =>
      Effect.map(failure(make(options)), (error) => {
        expect(error?.reason).toBe("InvalidConfig")
        expect(error?.message).toContain(name)
      })
    )
  }

  it.effect("revocations can be a layer", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(Cookie.layer({ keys: [key()], revocations: Memory.layer() }))
      const keeper = keeperOf(yield* Effect.provide(Cookie.SealedSessions, context))
      const kept = yield* begin(keeper, "text")
      yield* keeper.end(kept.token!)
      expect(yield* read(keeper, kept)).toBeUndefined()
    })
  )
})

describe("a session that does not fit", () => {
  for (const [name, options] of [
    ["without revocations", {}],
    ["with revocations", { revocations: Memory.make() }]
  ] as const) {
    it.effect(`is not ended by its renewal, ${name}`, () =>
      Effect.gen(function* () {
        const keeper = yield* make(options)
        const kept = yield* begin(keeper, "kept")
        const large = new Uint8Array(keeper.maxPayload + 1)
        expect((yield* failure(keeper.renew(kept, "next", large, hour, "rights")))?.reason).toBe("TooLarge")
        expect(yield* read(keeper, kept)).toBe("kept")
        saved(yield* keeper.save(kept, bytes("changed"), hour))
      })
    )
  }
})

describe("a session that has ended", () => {
  const inMemory = () => ({ revocations: Memory.make() })

  for (const [what, options] of [
    ["without revocations, in this process", () => ({})],
    ["with revocations", inMemory]
  ] as const) {
    it.effect(`is not sealed again by a request under way, ${what}`, () =>
      Effect.gen(function* () {
        const keeper = yield* make(options())
        const kept = yield* begin(keeper, "text")
        yield* keeper.end(kept.token!)
        expect(yield* keeper.save(kept, bytes("late"), hour)).toEqual({ _tag: "Lost" })
        expect(yield* keeper.touch(kept, hour)).toBeUndefined()
        expect(yield* keeper.renew(kept, "next", bytes("late"), hour, "rights")).toEqual({ _tag: "Lost" })
        expect(yield* keeper.fate(kept.token!)).toBe("Ended")
      })
    )

    it.effect(`has moved if its id was renewed: one renewal does, the others are lost, ${what}`, () =>
      Effect.gen(function* () {
        const keeper = yield* make(options())
        const kept = yield* begin(keeper, "text")
        const results = yield* Effect.all(
          Array.from({ length: 10 }, (_, i) => keeper.renew(kept, `id-${i}`, bytes("signed in"), hour, "rights")),
          { concurrency: "unbounded" }
        )
        expect(results.map(({ _tag }) => _tag).sort()).toEqual([...Array(9).fill("Lost"), "Saved"])
        expect(yield* keeper.save(kept, bytes("late"), hour)).toEqual({ _tag: "Lost" })
        expect(yield* keeper.fate(kept.token!)).toBe("Moved")
        // Whatever ends it afterwards.
        yield* keeper.end(kept.token!)
        expect(yield* keeper.fate(kept.token!)).toBe("Moved")
      })
    )
  }

  it.effect("can be read from a copy without revocations, and after a minute be sealed again", () =>
    Effect.gen(function* () {
      const keeper = yield* make()
      const kept = yield* begin(keeper, "text")
      yield* keeper.end(kept.token!)
      expect(yield* read(keeper, kept)).toBe("text")
      yield* TestClock.adjust("59 seconds")
      expect(yield* keeper.save(kept, bytes("late"), hour)).toEqual({ _tag: "Lost" })
      yield* TestClock.adjust("1 second")
      expect(yield* keeper.fate(kept.token!)).toBe("Unknown")
      saved(yield* keeper.save(kept, bytes("late"), hour))
    })
  )

  it.effect("is one of 10,000 that a process remembers: the oldest are forgotten first", () =>
    Effect.gen(function* () {
      const keeper = yield* make()
      const all = yield* Effect.all(Array.from({ length: 10_001 }, () => begin(keeper, "")))
      yield* Effect.forEach(all, ({ token }) => keeper.end(token!), { discard: true })
      expect(yield* keeper.fate(all[0]!.token!)).toBe("Unknown")
      expect(yield* keeper.fate(all[1]!.token!)).toBe("Ended")
      // And all of them are, once their minute is over.
      yield* TestClock.adjust("1 minute")
      const last = yield* begin(keeper, "")
      yield* keeper.end(last.token!)
      expect(yield* keeper.fate(all.at(-1)!.token!)).toBe("Unknown")
      expect(yield* keeper.fate(last.token!)).toBe("Ended")
    })
  )

  it.effect("cannot be read from any copy with revocations, also if it was recorded by an earlier version", () =>
    Effect.gen(function* () {
      const revocations = Memory.make()
      const keeper = yield* make({ revocations })
      const kept = yield* begin(keeper, "text")
      yield* revocations.create(kept.ref, new Uint8Array(0), hour)
      expect(yield* read(keeper, kept)).toBeUndefined()
      expect(yield* keeper.fate(kept.token!)).toBe("Ended")
    })
  )
})

describe("revocations", () => {
  it.effect("hold nothing but a hash of the id, how it ended and when", () =>
    Effect.gen(function* () {
      const revocations = Memory.make()
      const keeper = yield* make({ revocations })
      const [ended, moved] = [yield* begin(keeper, "secret"), yield* begin(keeper, "secret")]
      yield* keeper.end(ended.token!)
      saved(yield* keeper.renew(moved, "next", bytes("secret"), hour, "rights"))
      expect(yield* revocations.count!).toBe(2)
      for (const { id } of [ended, moved]) {
        const stored = Option.getOrThrow(yield* revocations.read(sha256(id!) as SessionProvider.StoredId))
        expect(stored.payload.length).toBe(9)
      }
    })
  )

  it.effect("are kept and collected after the last copy has expired", () =>
    Effect.gen(function* () {
      const keeper = yield* make({ revocations: Memory.make() })
      const early = yield* begin(keeper, "text")
      yield* TestClock.adjust("40 minutes")
      const late = (yield* keeper.touch(early, hour))!
      yield* TestClock.adjust("1 minute")
      // Ended by the older copy: the newer one, which lives longer, is dead as well, to its end.
      yield* keeper.end(early.token!)
      for (let minute = 0; minute < 60; minute++) {
        expect(yield* read(keeper, late)).toBeUndefined()
        yield* TestClock.adjust("1 minute")
      }
      expect(yield* keeper.gc!).toBe(0)
      yield* TestClock.adjust("1 day")
      expect(yield* keeper.gc!).toBe(1)
    })
  )

  it.effect("that cannot be reached let nobody in, and are told as Unavailable", () =>
    Effect.gen(function* () {
      const down = Effect.fail(new SessionError({ reason: "Unavailable", message: "down" }))
      const revocations = { ...Memory.make(), exists: () => down, create: () => down, read: () => down }
      const keeper = yield* make({ revocations })
      const kept = yield* begin(keeper, "text")
      for (const attempt of [
        keeper.open(kept.token!),
        keeper.save(kept, bytes("next"), hour),
        keeper.touch(kept, hour),
        keeper.renew(kept, "next", bytes("next"), hour, "rights"),
        keeper.end(kept.token!),
        keeper.fate(kept.token!)
      ]) {
        expect((yield* failure<unknown>(attempt))?.reason).toBe("Unavailable")
      }
      // Without a session there is nothing to ask for.
      expect(yield* keeper.open("nonsense")).toBeUndefined()
    })
  )
})
