/**
 * A key-value store, for the provider that a page writes on it.
 */
import { KeyValueStore } from "effect/persistence"

export { KeyValueLive } from "../../example/docs/effect4/keyValue.js"

export const { layerMemory } = KeyValueStore
