/**
 * How often a layer is built that is provided in several places.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Once: by itself `Layer.flatMap` is built anew in each place, and so are the layers that its function makes. */
export const once = <A, E, R>(layer: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.fromBuildMemo((memoMap, scope) =>
    // The map is that of the app's own build, and nothing that this layer provides.
    Effect.map(Layer.buildWithMemoMap(layer, memoMap, scope), Context.omit(Layer.CurrentMemoMap))
  ) as Layer.Layer<A, E, R>
