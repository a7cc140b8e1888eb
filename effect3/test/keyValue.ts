import { KeyValueStore } from "@effect/platform"

export { KeyValueLive } from "../../example/docs/effect3/keyValue.js"

export const { layerMemory } = KeyValueStore
