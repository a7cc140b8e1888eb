/**
 * What each of the SQL databases is held to alike.
 */
import { it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { SessionProvider } from "effect-session"
import { Conformance } from "effect-session/testing"

/** Each case in a week of its own: what the one before left in the table has expired. */
const inItsWeek = (index: number) => TestClock.setTime(Date.now() + index * Duration.toMillis("7 days"))

export const conformance = (layer: Layer.Layer<SessionProvider.SessionProvider, unknown>): void => {
  const cases = Conformance.suite({
    layer,
    capabilities: SessionProvider.defaultCapabilities,
    optional: { count: true, ids: true, gc: true },
    pass: TestClock.adjust
  })
  for (const [index, { name, test }] of cases.entries()) {
    it.effect(name, () => Effect.zipRight(inItsWeek(index), test))
  }
}
