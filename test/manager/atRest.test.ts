/**
 * The envelope of what backends get: nothing opens but what the app itself has sealed, for the place where it is, and
 * nothing that is stored makes it throw.
 */
import { randomBytes } from "node:crypto"
import { deflateRawSync } from "node:zlib"
import { SessionConfig, SessionError } from "effect-session"
import * as FastCheck from "fast-check"
import { errorOf } from "#dialect/result"
import * as Effect from "#effect/Effect"
import * as Redacted from "#effect/Redacted"
import * as Result from "#effect/Result"
import { describe, expect, it } from "#test/vitest"
import { type AtRest, type Kind, makeAtRest } from "../../src/Manager/atRest.js"
import { sealUnder, unsealUnder } from "../../src/Manager/people/sealedById.js"
import { makeIds } from "../../src/Manager/SessionId.js"
import type { StoredId } from "../../src/Provider/Provider.js"
import { key } from "../support/cookies.js"

const made = (options: SessionConfig.Options): AtRest =>
  Effect.runSync(Effect.flatMap(SessionConfig.make(options), makeAtRest))

const keys = [key()]
const over = { over: 64 }
const forms: Readonly<Record<string, AtRest>> = {
  "with keys": made({ atRest: { keys } }),
  "with keys, compressed": made({ atRest: { keys }, compress: over }),
  "with keys, in an app": made({ atRest: { keys }, app: "shop" }),
  "with its id": made({ atRest: "id" }),
  "with its id, compressed": made({ atRest: "id", compress: over })
}

const ref = (n: number) => `ref-${n}` as StoredId
const content = FastCheck.oneof(
  FastCheck.uint8Array({ maxLength: 400 }),
  FastCheck.string({ unit: "grapheme", maxLength: 200 }).map((text) => Buffer.from(`{"v":2,"d":"${text.repeat(9)}"}`))
)
const check = (property: FastCheck.IProperty<any>, numRuns = 200) =>
  Effect.sync(() => FastCheck.assert(property, { numRuns }))

for (const [name, { open, overhead, seal }] of Object.entries(forms)) {
  describe(`sealed ${name}`, () => {
    it.effect("opens as what it was, and is longer by no more than it says", () =>
      check(
        FastCheck.property(content, FastCheck.nat(), (content, n) => {
          const sealed = seal("session", ref(n), `id ${n}`, content)
          expect(sealed.length).toBeLessThanOrEqual(content.length + overhead)
          expect(sealed[0]).toBe(0xc1)
          expect(Buffer.from(open("session", ref(n), `id ${n}`, sealed)!)).toEqual(Buffer.from(content))
          expect(seal("session", ref(n), `id ${n}`, content)).not.toEqual(sealed)
        })
      )
    )

    it.effect("shows nothing of it", () =>
      Effect.sync(() => {
        const text = "a text that is long enough to be seen. ".repeat(4)
        const sealed = Buffer.from(seal("session", ref(1), "id", Buffer.from(text)))
        for (let at = 0; at + 6 <= text.length; at++) {
          expect(sealed.includes(text.slice(at, at + 6))).toBe(false)
        }
      })
    )

    it.effect("does not open if one bit of it was changed, or a byte is missing or too many", () =>
      check(
        FastCheck.property(content, FastCheck.nat(), FastCheck.nat(7), (content, at, bit) => {
          const sealed = Buffer.from(seal("session", ref(1), "id", content))
          const changed = Buffer.from(sealed)
          changed[at % sealed.length]! ^= 1 << bit
          const tried = [changed, sealed.subarray(0, at % sealed.length), Buffer.concat([sealed, Buffer.from([bit])])]
          expect(tried.map((stored) => open("session", ref(1), "id", stored))).toEqual(tried.map(() => undefined))
        })
      )
    )

    it.effect(
      "opens neither at another place, nor as another kind, nor in another app, nor with another id or key",
      () =>
        Effect.sync(() => {
          const plain = Buffer.from("content ".repeat(40))
          const sealed = seal("session", ref(1), "id", plain)
          expect(open("session", ref(2), "id", sealed)).toBeUndefined()
          for (const kind of ["person", "mark"] as const) {
            const found = open(kind, ref(1), "id", sealed)
            // With ids, lists and marks are not sealed: such bytes are no list and no mark.
            expect(found === undefined || found === sealed).toBe(true)
          }
          for (const other of [
            made({ atRest: { keys }, app: "other" }),
            made({ atRest: { keys: [key()] } }),
            made({ atRest: "id", app: "other" })
          ]) {
            expect(other.open("session", ref(1), "id", sealed)).toBeUndefined()
          }
          expect(name.startsWith("with keys") ? undefined : open("session", ref(1), "other", sealed)).toBeUndefined()
        })
    )

    it.effect("takes any bytes for no session, and throws at none", () =>
      check(
        FastCheck.property(
          FastCheck.uint8Array({ maxLength: 120 }),
          FastCheck.constantFrom(undefined, 0, 1, 2, 16, 17, 18, 33, 34, 255),
          (bytes, form) => {
            const stored = form === undefined ? bytes : Buffer.concat([Buffer.from([0xc1, form]), bytes])
            for (const id of [undefined, "id"]) {
              expect(open("session", ref(1), id, stored)).toBeUndefined()
            }
          }
        ),
        1000
      )
    )
  })
}

describe("lists and marks", () => {
  const { open, seal } = forms["with keys"]!
  it.effect("are sealed with keys, each as what it is", () =>
    Effect.sync(() => {
      const plain = Buffer.from('{"v":1,"swept":0,"e":[]}')
      for (const kind of ["person", "mark"] as const) {
        const sealed = seal(kind, ref(1), undefined, plain)
        expect(Buffer.from(sealed).includes("swept")).toBe(false)
        const found = (["session", "person", "mark"] as ReadonlyArray<Kind>).map((kind) =>
          open(kind, ref(1), "id", sealed)
        )
        expect(found.filter((content) => content !== undefined)).toEqual([plain])
        expect(open(kind, ref(1), undefined, plain)).toBeUndefined()
      }
    })
  )

  it.effect("are as they were where a session opens with its id alone", () =>
    Effect.sync(() => {
      const { open, seal } = forms["with its id"]!
      const plain = Buffer.from('{"v":1,"swept":0,"e":[]}')
      for (const kind of ["person", "mark"] as const) {
        expect(seal(kind, ref(1), undefined, plain)).toBe(plain)
        expect(open(kind, ref(1), undefined, plain)).toBe(plain)
      }
      const sealed = seal("session", ref(1), "id", plain)
      expect(open("session", ref(1), undefined, sealed)).toBeUndefined()
    })
  )
})

describe("keys at rest", () => {
  const failure = (options: SessionConfig.Options) =>
    Effect.map(Effect.result(Effect.flatMap(SessionConfig.make(options), makeAtRest)), (result) =>
      Result.isFailure(result) ? errorOf(result) : undefined
    )

  it.effect("rotate: the first seals, all open, and a dropped one no longer does", () =>
    Effect.sync(() => {
      const [older, newer] = [key(), key()]
      const before = made({ atRest: { keys: [older] } })
      const both = made({ atRest: { keys: [newer, older] } })
      const after = made({ atRest: { keys: [newer] } })
      const plain = Buffer.from("content")
      const old = before.seal("session", ref(1), "id", plain)
      expect(both.open("session", ref(1), "id", old)).toEqual(plain)
      expect(after.open("session", ref(1), "id", old)).toBeUndefined()
      const fresh = both.seal("session", ref(1), "id", plain)
      expect(after.open("session", ref(1), "id", fresh)).toEqual(plain)
      expect(before.open("session", ref(1), "id", fresh)).toBeUndefined()
    })
  )

  it.effect("that are weak are refused by the option's name, without their text", () =>
    Effect.gen(function* () {
      const text = "correct horse battery staple, and many more words"
      for (const [keys, message] of [
        [[], /^atRest\.keys: expected at least one; a key is 32 random bytes/],
        [[Redacted.make(text)], /^atRest\.keys: number 1 of 1: /],
        [[key(), Redacted.make(randomBytes(16).toString("hex"))], /^atRest\.keys: number 2 of 2: it has 16 bytes/]
      ] as const) {
        const error = yield* failure({ atRest: { keys } })
        expect(error).toBeInstanceOf(SessionError)
        expect(error!.reason).toBe("InvalidConfig")
        expect(error!.message).toMatch(message)
        expect(error!.message).not.toContain("cookie")
        expect(error!.message).not.toContain("horse")
      }
    })
  )

  it.effect("are others than those of sealed cookies made from the same text, and never the text", () =>
    Effect.gen(function* () {
      const { makeKeyRing } = yield* Effect.promise(() => import("../../src/Provider/internal/keyRing.js"))
      const [[atRest], [cookie]] = [yield* makeKeyRing(keys, "at rest"), yield* makeKeyRing(keys, "cookie")]
      expect(atRest!.derive("seal")).not.toEqual(cookie!.derive("seal"))
      expect(atRest!.derive("seal").toString("base64url")).not.toBe(Redacted.value(keys[0]!))
    })
  )
})

describe("while sealing is turned on or off", () => {
  const plain = Buffer.from('{"v":2,"t":1,"d":{}}')
  const deflated = Buffer.concat([Buffer.from([0xc1, 16]), deflateRawSync(plain)])

  it.effect("unsealed records are read with migrating, and only then", () =>
    Effect.sync(() => {
      for (const stored of [plain, deflated]) {
        for (const kind of ["session", ...(stored === plain ? ["person" as const] : [])] as const) {
          expect(made({ atRest: { keys } }).open(kind, ref(1), "id", stored)).toBeUndefined()
          const migrating = made({ atRest: { keys, migrating: true } })
          expect(migrating.open(kind, ref(1), "id", stored)).toEqual(plain)
          expect(migrating.seal(kind, ref(1), "id", plain)[0]).toBe(0xc1)
        }
        expect(made({ atRest: { keys: "id", migrating: true } }).open("session", ref(1), "id", stored)).toEqual(plain)
        expect(made({ atRest: "id" }).open("session", ref(1), "id", stored)).toBeUndefined()
      }
    })
  )

  it.effect("what does not open is not taken as it is with migrating either", () =>
    Effect.sync(() => {
      const migrating = made({ atRest: { keys, migrating: true } })
      const sealed = Buffer.from(made({ atRest: { keys: [key()] } }).seal("session", ref(1), "id", plain))
      expect(migrating.open("session", ref(1), "id", sealed)).toBeUndefined()
      expect(migrating.open("session", ref(1), "id", sealed.subarray(0, 20))).toBeUndefined()
    })
  )

  it.effect("unseal stores unsealed, and reads both", () =>
    Effect.sync(() => {
      const sealed = made({ atRest: { keys } }).seal("session", ref(1), "id", plain)
      const turningOff = made({ atRest: { keys, migrating: "unseal" } })
      expect(turningOff.open("session", ref(1), "id", sealed)).toEqual(plain)
      expect(turningOff.open("session", ref(1), "id", plain)).toEqual(plain)
      expect(turningOff.seal("session", ref(1), "id", plain)).toBe(plain)
      expect(turningOff.seal("person", ref(1), undefined, plain)).toBe(plain)
    })
  )
})

describe("compressed", () => {
  const { open, seal } = made({ compress: { over: 100 } })
  const words = Buffer.from("the same words ".repeat(100))

  it.effect("is what is over the size and becomes smaller, and nothing else", () =>
    Effect.sync(() => {
      const stored = seal("session", ref(1), "id", words)
      expect(stored.length).toBeLessThan(words.length / 10)
      expect(open("session", ref(1), "id", stored)).toEqual(words)
      for (const content of [words.subarray(0, 100), randomBytes(5_000)]) {
        expect(seal("session", ref(1), "id", content)).toBe(content)
        expect(open("session", ref(1), "id", content)).toBe(content)
      }
      expect(seal("person", ref(1), undefined, words)).toBe(words)
      const sealing = made({ atRest: { keys }, compress: { over: 100 } })
      const incompressible = randomBytes(5_000)
      expect(sealing.seal("session", ref(1), "id", incompressible)).toHaveLength(5_000 + sealing.overhead)
      expect(sealing.seal("session", ref(1), "id", words).length).toBeLessThan(words.length / 10 + sealing.overhead)
    })
  )

  it.effect("is read after it was turned off, and a bomb is not", () =>
    Effect.sync(() => {
      const off = made({})
      expect(off.open("session", ref(1), "id", seal("session", ref(1), "id", words))).toEqual(words)
      const bomb = Buffer.concat([Buffer.from([0xc1, 16]), deflateRawSync(Buffer.alloc(64 * 1024 * 1024))])
      expect(bomb.length).toBeLessThan(70_000)
      for (const { open } of [off, made({ compress: over }), made({ atRest: { keys, migrating: true } })]) {
        expect(open("session", ref(1), "id", bomb)).toBe(bomb)
      }
      const torn = seal("session", ref(1), "id", words).subarray(0, 20)
      expect(off.open("session", ref(1), "id", torn)).toBe(torn)
    })
  )

  it.effect("leaves all bytes of another format as they are", () =>
    check(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 100 }), (bytes) => {
        const { open, seal } = made({})
        const stored = seal("session", ref(1), "id", bytes)
        expect(stored).toBe(bytes)
        expect(Buffer.from(open("session", ref(1), "id", stored)!)).toEqual(Buffer.from(bytes))
      })
    )
  )
})

describe("a seal under an id", () => {
  it.effect("is not under the SHA-256 of it, which backends know, however long the id is", () =>
    Effect.gen(function* () {
      for (const id of [{ bytes: 32 }, { bytes: 32, encoding: "hex", prefix: "shop-" }, { bytes: 96 }] as const) {
        const config = yield* SessionConfig.make({ id })
        const ids = makeIds(config, { inheritedIdChars: 0 })
        const own = ids.make()
        const hash = Buffer.from(ids.stored(own), "base64url")
        const seal = sealUnder(own, "principal", "ada")
        expect(unsealUnder(own, "principal", seal)).toBe("ada")
        expect(unsealUnder(hash as unknown as string, "principal", seal)).toBeUndefined()
        const { open, seal: atRest } = forms["with its id"]!
        const sealed = atRest("session", ref(1), own, Buffer.from("content"))
        expect(open("session", ref(1), hash as unknown as string, sealed)).toBeUndefined()
      }
    })
  )
})
