/**
 * A key-value store, for the provider that a page writes on it.
 */
import { KeyValueStore } from "@effect/platform"

export { KeyValueLive } from "../../example/docs/effect3/keyValue.js"

export const { layerMemory } = KeyValueStore
