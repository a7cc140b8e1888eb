/**
 * How often a layer is built that is provided in several places.
 */
import type * as Layer from "effect/Layer"

/** Once, as every layer of Effect 3 is. */
export const once = <A, E, R>(layer: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> => layer
