import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Layer from "effect/Layer"
import { KeyValueLive } from "../../example/docs/keyValue.js"

/** The provider that docs/writing-a-provider.md writes, in memory. */
export const keyValue = Layer.provide(KeyValueLive, KeyValueStore.layerMemory)
