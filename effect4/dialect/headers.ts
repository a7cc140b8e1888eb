import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * A layer that also hides a header from the spans of the server that it is provided to, as cookies are hidden.
 */
export const layerHiding = <I, S, E, R>(
  tag: Context.Service<I, S>,
  made: Effect.Effect<S, E, R>,
  headerOf: (made: S) => string | false
): Layer.Layer<I, E, Exclude<R, Scope.Scope>> =>
  Layer.effectContext(
    Effect.flatMap(made, (made) => {
      const header = headerOf(made)
      const context = Context.make(tag, made)
      return header === false
        ? Effect.succeed(context)
        : Effect.map(Headers.CurrentRedactedNames, (names) =>
            Context.add(context, Headers.CurrentRedactedNames, [...names, header.toLowerCase()])
          )
    })
  )
