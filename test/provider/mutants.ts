// What the tests of the conformance suite share: the suite on the memory provider, changed in any way.
import { SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import type { Conformance } from "effect-session/testing"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as TestClock from "#effect/testing/TestClock"
import { expect } from "#test/vitest"
import { suite } from "./conforms.js"

type Provider = SessionProvider.Provider

/** What a broken provider does in another way, by what is wrong. */
export type Mutants = Readonly<Record<string, (provider: Provider) => Partial<Provider>>>

export const shorter = (ttl: Duration.Duration) => Duration.subtract(ttl, Duration.millis(500))

export const capabilities: SessionProvider.Capabilities = {
  ...SessionProvider.defaultCapabilities,
  durable: false,
  inProcess: true,
  maxPayload: Number.POSITIVE_INFINITY
}

export const ofMemory = (
  change: (provider: Provider) => Partial<Provider>,
  options: Omit<Conformance.Options, "layer" | "pass">
) =>
  suite({
    layer: Layer.sync(SessionProvider.SessionProvider, () => {
      const provider = Memory.make()
      return { ...provider, ...change(provider) }
    }),
    ...options,
    pass: TestClock.adjust
  })

export const optional = { count: true, list: true, gc: true, marked: true, principals: true }

export const passes = ({ cases }: Conformance.Suite) => Effect.forEach(cases, ({ test }) => test, { discard: true })

const fails = ({ test }: Conformance.Case) => Effect.map(Effect.exit(test), Exit.isFailure)

/** Whether a case fails, other than those of people, whose mutants name the case. */
export const failsFor = ({ cases }: Conformance.Suite) =>
  // The exclusive cases take longer.
  Effect.map(
    Effect.findFirst(cases.filter(({ promise }) => promise !== "people's sessions can be ended").reverse(), fails),
    (found) => expect(Option.isSome(found)).toBe(true)
  )
