/**
 * The provider that docs/writing-a-provider.md writes: conformance.
 */
import { SessionProvider } from "effect-session"
import * as Layer from "#effect/Layer"
import { KeyValueLive, layerMemory } from "#test/keyValue"
import { describe } from "#test/vitest"
import { conformsByClock } from "./conforms.js"

describe("the provider of docs/writing-a-provider.md", () => {
  conformsByClock({
    layer: Layer.provide(KeyValueLive, layerMemory),
    capabilities: { ...SessionProvider.defaultCapabilities, regenerate: "ordered", durable: false },
    optional: { count: false, list: false, gc: false, marked: false, principals: false }
  })
})
