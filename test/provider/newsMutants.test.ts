/**
 * The conformance suite, tested: a provider that does not tell those who wait of an end fails it.
 */
import type { SessionProvider } from "effect-session"
import * as Effect from "#effect/Effect"
import { describe, it } from "#test/vitest"
import { capabilities, failsFor, ofMemory, optional, passes } from "./mutants.js"

type Provider = SessionProvider.Provider

/** Looks now and then whether the session is still there. */
const looking = (provider: Provider) => ({
  changed: (id: SessionProvider.StoredId) =>
    Effect.asVoid(
      Effect.repeat(Effect.delay(provider.exists(id), "100 millis"), { until: (isThere: boolean) => !isThere })
    )
})

const mutants: Readonly<Record<string, (provider: Provider) => Partial<Provider>>> = {
  "nobody is told": () => ({ changed: () => Effect.never }),
  "one of two is told": (provider) => {
    const waiting = new Set<string>()
    return {
      changed: (id) =>
        Effect.suspend(() => {
          const isFirst = !waiting.has(id)
          waiting.add(id)
          return isFirst ? looking(provider).changed(id) : Effect.never
        })
    }
  },
  "who comes late is not told": (provider) => ({
    changed: (id) =>
      Effect.flatMap(provider.exists(id), (isThere) => (isThere ? looking(provider).changed(id) : Effect.never))
  }),
  "nobody is told of a new id": (provider) => {
    const moved = new Set<string>()
    return {
      regenerate: (move) => {
        moved.add(move.oldId)
        return provider.regenerate(move)
      },
      changed: (id) => Effect.andThen(looking(provider).changed(id), moved.has(id) ? Effect.never : Effect.void)
    }
  }
}

const suiteOf = (change: (provider: Provider) => Partial<Provider>) => {
  const all = ofMemory(change, { capabilities, optional: { ...optional, changed: true } })
  return { ...all, cases: all.cases.filter(({ promise }) => promise === "those who wait are told") }
}

describe("the conformance suite, of news", () => {
  it.effect("passes a provider that looks now and then", () => passes(suiteOf(looking)))

  for (const [name, change] of Object.entries(mutants)) {
    it.effect(`fails where ${name}`, () => failsFor(suiteOf(change)))
  }
})
