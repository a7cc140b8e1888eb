/**
 * Seals that someone changed: none opens, none throws, none takes long.
 */
import { randomBytes, randomInt } from "node:crypto"
import * as Effect from "#effect/Effect"
import * as Redacted from "#effect/Redacted"
import { describe, expect, it } from "#test/vitest"
import type { Sealed } from "../../src/Provider/cookie/SealedSessions.js"
import { makeSealer, payloadIn, type Sealer } from "../../src/Provider/cookie/sealer.js"
import { ciphers } from "../../src/Provider/internal/ciphers.js"
import { makeKeyRing } from "../../src/Provider/internal/keyRing.js"
import { key } from "../support/cookies.js"

const maxSeal = 14 * 1024

const sealerOf = (cipher: keyof typeof ciphers, ...keys: ReadonlyArray<Redacted.Redacted<string>>) =>
  Effect.map(Effect.all([ciphers[cipher], makeKeyRing(keys, "cookie")]), ([ciphers, keys]) =>
    makeSealer(ciphers, keys, { compress: false, maxPayload: payloadIn(maxSeal), maxSeal })
  )

const content = (bytes: number): Sealed => ({
  id: randomBytes(32).toString("base64url"),
  createdAt: 1,
  expiresAt: 2,
  lifetime: 1,
  writes: 0,
  payload: randomBytes(bytes)
})

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

const pick = <A>(list: ArrayLike<A>): A => list[randomInt(list.length)]!

/** Cuts the text somewhere, at its ends too. */
const cut = (text: string): [string, string] => {
  const at = randomInt(text.length + 1)
  return [text.slice(0, at), text.slice(at)]
}

const flipBit = (bytes: Buffer, from: number, to: number): string => {
  const copy = Buffer.from(bytes)
  const at = from + randomInt(to - from)
  copy[at] = copy[at]! ^ (1 << randomInt(8))
  return copy.toString("base64url")
}

/** What an attacker may send in place of `seal`, given others of the same name. */
const attacks: Record<string, (seal: string, others: ReadonlyArray<string>, foreign: Sealer) => string> = {
  "a bit flipped anywhere": (seal) => {
    const bytes = Buffer.from(seal, "base64url")
    return flipBit(bytes, 0, bytes.length)
  },
  "a bit flipped in version, key hint, nonce or tag": (seal) => flipBit(Buffer.from(seal, "base64url"), 0, 30),
  "another version": (seal) => {
    const bytes = Buffer.from(seal, "base64url")
    bytes[0] = pick([0, 1, 2, 3, 127, 255])
    return bytes.toString("base64url")
  },
  "a character replaced": (seal) => {
    const at = randomInt(seal.length)
    const other = pick([...base64url].filter((character) => character !== seal[at]))
    return seal.slice(0, at) + other + seal.slice(at + 1)
  },
  "the last character replaced": (seal) =>
    seal.slice(0, -1) + pick([...base64url].filter((character) => character !== seal.at(-1))),
  "other writings of the same bytes": (seal) =>
    pick([`${seal}=`, `${seal}==`, `${seal} `, ` ${seal}`, `"${seal}"`, `${seal}%3D`, `${seal}\n`]),
  "cut off at the end": (seal) => seal.slice(0, randomInt(seal.length)),
  "cut off at the start": (seal) => seal.slice(1 + randomInt(seal.length - 1)),
  "a piece removed": (seal) => {
    const from = randomInt(seal.length - 1)
    return seal.slice(0, from) + seal.slice(from + 1 + randomInt(seal.length - from - 1))
  },
  "a character put in": (seal) => {
    const [start, end] = cut(seal)
    // Into a run of the same character is no change.
    return `${start}${pick([...base64url].filter((character) => character !== end[0] && character !== start.at(-1)))}${end}`
  },
  "spliced of two": (seal, others) => {
    const other = pick(others)
    const at = 1 + randomInt(Math.min(seal.length, other.length) - 1)
    return seal.slice(0, at) + other.slice(at)
  },
  "chunks swapped": (seal) => {
    const middle = 1 + randomInt(seal.length - 1)
    return seal.slice(middle) + seal.slice(0, middle)
  },
  "of other keys": (_seal, _others, foreign) => foreign.seal("sid", content(500)),
  "nothing but noise": () => randomBytes(randomInt(1_000)).toString(pick(["base64url", "latin1", "utf8"])),
  "too long": (seal) => seal.repeat(Math.ceil(maxSeal / seal.length) + 1)
}

describe.each(["aes-256-gcm", "xchacha20-poly1305"] as const)("%s", (cipher) => {
  const sealer = Effect.suspend(() => sealerOf(cipher, key(), key(), key()))

  it.effect("100,000 changed seals: none opens, none throws", () =>
    Effect.gen(function* () {
      const [own, foreign] = [yield* sealer, yield* sealer]
      const seals = [0, 1, 2, 3, 500, 501, 502, 10_000].map((bytes) => own.seal("sid", content(bytes)))
      const kinds = Object.entries(attacks)
      let changed = 0
      for (let i = 0; changed < 100_000; i++) {
        const [kind, attack] = kinds[i % kinds.length]!
        const seal = pick(seals)
        const attempt = attack(
          seal,
          seals.filter((other) => other !== seal),
          foreign
        )
        // All seals of a version begin alike, so that a splice near the start can be the other seal, whole.
        if (!seals.includes(attempt)) {
          changed++
          expect(own.open("sid", attempt), kind).toBeUndefined()
        }
      }
      for (const seal of seals) {
        expect(own.open("sid", seal)).toBeDefined()
      }
    })
  )

  it.effect("a seal for a cookie of another name does not open", () =>
    Effect.gen(function* () {
      const own = yield* sealer
      for (const name of ["", "SID", "sid2", "si", " sid", "__Host-sid", "sid\u0000"]) {
        expect(own.open(name, own.seal("sid", content(500)))).toBeUndefined()
        expect(own.open("sid", own.seal(name, content(500)))).toBeUndefined()
      }
    })
  )

  it.effect("what is sealed is opened as it was, for payloads of all lengths, and no two seals are alike", () =>
    Effect.gen(function* () {
      const own = yield* sealer
      const seen = new Set<string>()
      for (let bytes = 0; bytes < 700; bytes++) {
        const original = { ...content(bytes), createdAt: Date.now() + 0.5, expiresAt: 9e15, writes: 4_294_967_295 }
        const seal = own.seal("sid", original)
        seen.add(seal).add(own.seal("sid", original))
        expect(own.open("sid", seal)).toEqual(original)
      }
      expect(seen.size).toBe(1_400)
      // A dot would be taken for what separates the number of a value's cookies from the value.
      expect([...seen].filter((seal) => !/^[A-Za-z0-9_-]+$/.test(seal))).toEqual([])
    })
  )

  it.effect("an earlier seal's content does not change when others are sealed and opened", () =>
    Effect.gen(function* () {
      const own = yield* sealer
      const original = content(500)
      const first = own.open("sid", own.seal("sid", original))
      own.open("sid", own.seal("sid", content(500)))
      expect(first).toEqual(original)
    })
  )

  // Node throws on a bad tag, which alone takes some microseconds.
  it.effect("no changed seal takes much longer than a good one", () =>
    Effect.gen(function* () {
      const [own, foreign] = [yield* sealer, yield* sealer]
      const seals = Array.from({ length: 50 }, () => own.seal("sid", content(500)))
      const attempts: Record<string, ReadonlyArray<string>> = { good: seals }
      for (const [kind, attack] of Object.entries(attacks)) {
        attempts[kind] = seals.map((seal) => attack(seal, seals, foreign))
      }
      // The fastest of many rounds, in turns: what the machine does besides slows rounds, not kinds.
      const fastest: Record<string, number> = {}
      for (let round = 0; round < 60; round++) {
        for (const [kind, list] of Object.entries(attempts)) {
          const began = performance.now()
          for (const seal of list) own.open("sid", seal)
          fastest[kind] = Math.min(fastest[kind] ?? Number.POSITIVE_INFINITY, performance.now() - began)
        }
      }
      for (const [kind, time] of Object.entries(fastest)) {
        expect(time / fastest["good"]!, kind).toBeLessThan(3)
      }
    })
  )
})

// Browsers keep seals over upgrades of this library. Their key is in no use.
describe("what was sealed earlier opens", () => {
  const earlier = {
    "aes-256-gcm":
      "AWY1-2PmKgruD2L0-KW7PS5BcdfAz8Q10bh3xE3ZZKETmOw4CFgV7MVoXRyzbzLBgkgR3NUtSg3sdO4NBwPRS-AGkZrQ6kFSf3juBS0h",
    "xchacha20-poly1305":
      "AmYULDg6i_ZSh76Vq6AHRBV17ZujOlL9oSoW8fIIPxYzPAprvAFl2ZNr2yz4V0B0t3-LoQAkWiEBW4Sq1otLq6O68Eqkc1t1JWthEs6pYBr87B4GeCgv9k-q"
  }
  const earlierKey = Redacted.make("1x4FJqfmMIiSL2BzYbDfV5Zxn1Hkye0GQgVu3S9m8Ko")
  it.effect.each(["aes-256-gcm", "xchacha20-poly1305"] as const)("%s", (cipher) =>
    Effect.map(sealerOf(cipher, earlierKey), ({ open }) => {
      const opened = open("sid", earlier[cipher])
      expect(opened && { ...opened, payload: Buffer.from(opened.payload).toString() }).toEqual({
        id: "the-id",
        createdAt: 1_900_000_000_000,
        expiresAt: 1_900_001_800_000,
        lifetime: 1_800_000,
        writes: 7,
        payload: "the payload"
      })
    })
  )
})
