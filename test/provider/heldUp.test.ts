/**
 * The conformance suite on a slow provider: a failure that may be due to lost time is not the provider's, and is told.
 */

import { SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Layer from "#effect/Layer"
import * as Logger from "#effect/Logger"
import * as TestClock from "#effect/testing/TestClock"
import * as Logs from "#test/logs"
import { describe, expect, it } from "#test/vitest"
import { suite } from "./conforms.js"

const name = "lives until its lifetime is over, and from then on is gone to every operation"

/** Runs the case on a provider whose first reads take this many milliseconds each, and returns how it ended and its log. */
const run = (...delays: ReadonlyArray<number>) => {
  const rest = [...delays]
  const slow = Effect.suspend(() => TestClock.adjust(rest.shift() ?? 0))
  const log: Array<string> = []
  const logger = Logger.make<unknown, void>(({ message }) => {
    log.push(String(message))
  })
  const { cases } = suite({
    layer: Layer.sync(SessionProvider.SessionProvider, () => {
      const provider = Memory.make()
      return { ...provider, read: (id) => Effect.andThen(slow, provider.read(id)) }
    }),
    capabilities: SessionProvider.defaultCapabilities,
    optional: { count: true, list: true, gc: true, marked: true, principals: true },
    pass: TestClock.adjust
  })
  return Effect.map(Effect.exit(cases.find((one) => one.name === name)!.test), (exit) => ({
    passed: Exit.isSuccess(exit),
    log
  })).pipe(Effect.provide(Logs.adding(logger)))
}

const told = (heldUp: number) =>
  `"${name}" failed, but was held up for ${heldUp} ms: it runs again with seconds twice as long`

describe("a case of the conformance suite", () => {
  it.effect("bears what does not make it look too late", () =>
    Effect.map(run(249), (result) => expect(result).toEqual({ passed: true, log: [] }))
  )

  it.effect("runs again if it was held up, and tells", () =>
    Effect.map(run(400), (result) => expect(result).toEqual({ passed: true, log: [told(400)] }))
  )

  it.effect("fails after four times, of which three are told", () =>
    Effect.map(run(400, 800, 1_600, 3_200), (result) =>
      expect(result).toEqual({ passed: false, log: [told(400), told(800), told(1_600)] })
    )
  )
})
