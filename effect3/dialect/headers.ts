/**
 * Hides what carries the session's id from spans.
 */
import * as Headers from "@effect/platform/Headers"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * A layer that also hides a header from the spans of the server that it is provided to, as cookies are hidden. Effect 3
 * cannot hide a parameter of the query.
 */
export const layerHiding = <I, S, E, R>(
  tag: Context.Tag<I, S>,
  made: Effect.Effect<S, E, R>,
  carriersOf: (made: S) => { readonly header: string | false; readonly query: string | false }
): Layer.Layer<I, E, Exclude<R, Scope.Scope>> =>
  Layer.scoped(
    tag,
    Effect.tap(made, (made) => {
      const { header } = carriersOf(made)
      return header === false
        ? Effect.void
        : Effect.locallyScopedWith(Headers.currentRedactedNames, (names) => [...names, header.toLowerCase()])
    })
  )
