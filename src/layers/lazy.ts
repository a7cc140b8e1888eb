/**
 * Loads a provider's module only when its layer is built.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Backend } from "./compose.js"

/** The layer that `load` promises. The module is a part of this package: where it cannot be loaded, the package is broken. */
export const lazy = <L extends Backend<unknown, unknown>>(load: () => Promise<L>): L =>
  // By hand: what a layer provides cannot be inferred, since it is contravariant.
  Layer.unwrapEffect(Effect.promise<Layer.Layer<any, any, any>>(load)) as L
