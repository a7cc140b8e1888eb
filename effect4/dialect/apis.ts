/**
 * The parts of an `HttpApi` that its OpenAPI document describes.
 */
import * as Context from "effect/Context"
import * as HttpApi from "effect/http-api/HttpApi"
import type * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Option from "effect/Option"

export type AnyApi = HttpApi.Constraint
export type AnyMiddleware = HttpApiMiddleware.AnyService

export interface Members {
  /** The middlewares of the whole API: Effect 4 gives them to each endpoint. */
  readonly middlewares: Iterable<AnyMiddleware>
  readonly endpoints: ReadonlyArray<{
    readonly operationIn: (spec: OpenApi.OpenAPISpec) => OpenApi.OpenAPISpecOperation | undefined
    readonly middlewares: Iterable<AnyMiddleware>
  }>
}

/** A path without what tells whether its parameters have a Schema: only with one are they such in the document. */
const plain = (path: string) => path.replace(/\{(\w+)\}|:(\w+)(\(.*?\))?\??/g, "{$1$2}")

export const membersOf = (api: AnyApi): Members => {
  const endpoints: Array<Members["endpoints"][number]> = []
  HttpApi.reflect(api as unknown as HttpApi.Top, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, middleware }) => {
      const path = plain(endpoint.path)
      endpoints.push({
        operationIn: ({ paths }) =>
          Object.entries(paths)
            .filter(([documented]) => plain(documented) === path)
            .map(([_, item]) =>
              endpoint.method === "QUERY"
                ? item["x-oai-additionalOperations"]?.QUERY
                : item[endpoint.method.toLowerCase() as OpenApi.OpenAPISpecMethodName]
            )
            .find((operation) => operation !== undefined),
        middlewares: middleware
      })
    }
  })
  return { middlewares: [], endpoints }
}

export const annotationsOf = (api: AnyApi): Context.Context<never> => (api as unknown as HttpApi.Top).annotations

/** The API with a mark, and with a step that changes its document before the app's own. */
export const transformed = <A extends AnyApi, I>(
  any: A,
  mark: Context.Key<I, true>,
  change: (spec: OpenApi.OpenAPISpec) => void
): A => {
  const api = any as unknown as HttpApi.Top
  const before = Context.getOption(api.annotations, OpenApi.Transform)
  return api.annotate(mark, true).annotate(OpenApi.Transform, (spec) => {
    change(spec as unknown as OpenApi.OpenAPISpec)
    return Option.isSome(before) ? before.value(spec) : spec
  }) as unknown as A
}
