/**
 * Loads a provider's module only when its layer is built.
 */
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import type { Backend } from "./compose.js"

/**
 * The layer that `load` resolves to. The module is part of this package, so if it cannot be loaded, the package is
 * broken. It is built anew wherever it is used: of two managers in one program each may have an environment of its own,
 * and must not be given the other's backend.
 */
export const lazy = <L extends Backend<unknown, unknown>>(load: () => Promise<L>): L =>
  // The type is given, since the services of a layer cannot be inferred: they are contravariant.
  Layer.fresh(Layer.unwrap(Effect.promise<Layer.Layer<any, any, any>>(load))) as L
