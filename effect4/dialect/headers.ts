/**
 * Hides what carries the session's id from spans.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as UrlParams from "effect/http/UrlParams"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * A layer that also hides a header and a parameter of the query from the spans of the server that it is provided to, as
 * cookies are hidden.
 */
export const layerHiding = <I, S, E, R>(
  tag: Context.Service<I, S>,
  made: Effect.Effect<S, E, R>,
  carriersOf: (made: S) => { readonly header: string | false; readonly query: string | false }
): Layer.Layer<I, E, Exclude<R, Scope.Scope>> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const service = yield* made
      const { header, query } = carriersOf(service)
      const headers = yield* Headers.CurrentRedactedNames
      const parameters = yield* UrlParams.CurrentRedactedNames
      return Context.make(tag, service).pipe(
        Context.add(Headers.CurrentRedactedNames, header === false ? headers : [...headers, header.toLowerCase()]),
        Context.add(UrlParams.CurrentRedactedNames, query === false ? parameters : [...parameters, query])
      )
    })
  )
