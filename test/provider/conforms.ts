// The conformance suite on a provider whose server keeps the time.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type SessionError, SessionProvider } from "effect-session"
import { Conformance } from "effect-session/testing"

/**
 * `differs` is where the provider's capabilities are not the default; `lists` is whether it can count and list sessions, `marked`
 * whether it keeps marks.
 */
export const conforms = (
  layer: Effect.Effect<Layer.Layer<SessionProvider.SessionProvider, SessionError>>,
  differs: Partial<SessionProvider.Capabilities> = {},
  lists = true,
  marked = true
): void => {
  for (const { name, test } of Conformance.suite({
    layer: Layer.unwrapEffect(layer),
    capabilities: { ...SessionProvider.defaultCapabilities, ...differs },
    optional: { count: lists, list: lists, gc: false, marked },
    pass: Effect.sleep
  })) {
    it.live(name, () => test)
  }
}
