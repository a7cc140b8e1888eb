/**
 * The parts of an `HttpApi` that its OpenAPI document describes.
 */
import * as HttpApi from "@effect/platform/HttpApi"
import type * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import type * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Context from "effect/Context"
import * as Option from "effect/Option"

export type AnyApi = HttpApi.HttpApi.Any
type Api = HttpApi.HttpApi<string, HttpApiGroup.HttpApiGroup.AnyWithProps, unknown, unknown>
export type AnyMiddleware = HttpApiMiddleware.TagClassAny

export interface Members {
  /** The middlewares of the whole API. */
  readonly middlewares: Iterable<AnyMiddleware>
  readonly endpoints: ReadonlyArray<{
    readonly operationIn: (spec: OpenApi.OpenAPISpec) => OpenApi.OpenAPISpecOperation | undefined
    /** All that it has, with those of the API. */
    readonly middlewares: Iterable<AnyMiddleware>
  }>
}

export const membersOf = (any: AnyApi): Members => {
  const api = any as unknown as Api
  const endpoints: Array<Members["endpoints"][number]> = []
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, middleware }) => {
      const path = endpoint.path.replace(/:(\w+)\??/g, "{$1}")
      const method = endpoint.method.toLowerCase() as OpenApi.OpenAPISpecMethodName
      endpoints.push({
        operationIn: ({ paths }) => paths[path]?.[method],
        middlewares: [...api.middlewares, ...middleware]
      })
    }
  })
  return { middlewares: api.middlewares, endpoints }
}

export const annotationsOf = (api: AnyApi): Context.Context<never> => (api as unknown as Api).annotations

/** The API with a mark, and with a step that changes its document before the app's own. */
export const transformed = <A extends AnyApi, I>(
  any: A,
  mark: Context.Tag<I, true>,
  change: (spec: OpenApi.OpenAPISpec) => void
): A => {
  const api = any as unknown as Api
  const before = Context.getOption(api.annotations, OpenApi.Transform)
  return api.annotate(mark, true).annotate(OpenApi.Transform, (spec) => {
    change(spec as OpenApi.OpenAPISpec)
    return Option.isSome(before) ? before.value(spec) : spec
  }) as unknown as A
}
