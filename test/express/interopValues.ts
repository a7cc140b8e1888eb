// What either app has put into a session is there for both, as it was.
import fc from "fast-check"
import * as Effect from "#effect/Effect"
import { expect } from "#test/vitest"
import { type Apps, browser, live, type Pair } from "./interopPairs.js"

/** Names that express' or fastify's sessions use for themselves. */
const reserved = (key: string): boolean =>
  key in Object.prototype ||
  /^(cookie|req|id|touch|resetMaxAge|save|reload|destroy|regenerate|sessionId|encryptedSessionId|options|get|set|isModified|isSaved|bag)$/.test(
    key
  )

const json = fc.jsonValue({ maxDepth: 4 }).map((value): unknown => JSON.parse(JSON.stringify(value)))
const topLevel = fc.dictionary(
  fc.string({ unit: "grapheme", minLength: 1 }).filter((key) => !reserved(key)),
  json,
  { maxKeys: 4 }
)

interface Values {
  readonly theirsFirst: boolean
  /** What only the other app knows. */
  readonly values: Record<string, unknown>
  /** What both know. */
  readonly one: unknown
  readonly other: unknown
}

const tenSessions = fc.array(
  fc.record<Values>({ theirsFirst: fc.boolean(), values: topLevel, one: json, other: json }),
  { minLength: 10, maxLength: 10 }
)

const nested = JSON.parse(
  '{"bag": {"__proto__": {"isAdmin": true}, "constructor": {"prototype": 1}, "a": [null, {"b": [1.5, -1e300]}]}, "Jméno": "Ж 🦊 \\u2028 \\ud800"}'
)

export const values = ({ apps, stored }: Pair): void => {
  live(
    "values of the other app stay as they are: deep, in any writing, and with names that mean something to JavaScript",
    Effect.gen(function* () {
      const both = yield* apps
      const visitor = browser(both)
      yield* visitor.put.theirs(nested)
      expect(JSON.parse(yield* visitor.ours("/values"))).toEqual({ bag: nested.bag })
      const before = (yield* stored(visitor.cookie()))!.record
      expect(yield* visitor.ours("/visits")).toBe("1")
      const after = (yield* stored(visitor.cookie()))!.record
      expect(JSON.stringify(after["bag"])).toBe(JSON.stringify(nested.bag))
      expect(after).toEqual({ ...before, cookie: after["cookie"], visits: 1 })
      yield* visitor.ours("/regenerate")
      expect(JSON.parse(yield* visitor.theirs("/values"))).toEqual({ ...nested, visits: 1 })
    })
  )

  /** Takes a session from one app to the other and back. Each writes, and answers what it found before. */
  const roundTrip = async (both: Apps, { one, other, theirsFirst, values }: Values) => {
    const visitor = browser(both)
    const found = (app: keyof Apps, written: object) => Effect.runPromise(visitor.put[app](written))
    if (theirsFirst) {
      expect(await found("theirs", { ...values, bag: one })).toEqual({})
    } else {
      expect(await found("ours", { bag: other })).toEqual({})
      expect(await found("theirs", { ...values, bag: one })).toEqual({ bag: other })
    }
    expect(await found("ours", { bag: other })).toEqual({ bag: one })
    expect(await found("theirs", { bag: one })).toEqual({ ...values, bag: other })
    expect(await found("ours", {})).toEqual({ bag: one })
  }

  live(
    "a hundred sessions of any values, written on one, changed on the other, and back: nothing is lost",
    Effect.gen(function* () {
      const both = yield* apps
      const property = fc.asyncProperty(tenSessions, async (sessions) => {
        await Promise.all(sessions.map((session) => roundTrip(both, session)))
      })
      yield* Effect.promise(() => fc.assert(property, { numRuns: 10 }))
    })
  )
}
