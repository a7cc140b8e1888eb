/**
 * The memory provider: conformance, and what is its own.
 */
import { describe, it } from "@effect/vitest"
import * as TestClock from "effect/TestClock"
import { SessionProvider } from "effect-session"
import * as Memory from "effect-session/memory"
import { Conformance } from "effect-session/testing"

describe("memory", () => {
  for (const { name, test } of Conformance.suite({
    layer: Memory.layer(),
    capabilities: {
      ...SessionProvider.defaultCapabilities,
      durable: false,
      inProcess: true,
      maxPayload: Number.POSITIVE_INFINITY
    },
    optional: { count: true, ids: true, gc: true },
    pass: TestClock.adjust
  })) {
    it.effect(name, () => test)
  }
})
