/**
 * The provider that docs/writing-a-provider.md writes: conformance.
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { SessionProvider } from "effect-session"
import * as Layer from "#effect/Layer"
import { describe } from "#test/vitest"
import { KeyValueLive } from "../../example/docs/keyValue.js"
import { conformsByClock } from "./conforms.js"

describe("the provider of docs/writing-a-provider.md", () => {
  conformsByClock({
    layer: Layer.provide(KeyValueLive, KeyValueStore.layerMemory),
    capabilities: { ...SessionProvider.defaultCapabilities, regenerate: "ordered", durable: false },
    optional: { count: false, list: false, gc: false, marked: false }
  })
})
