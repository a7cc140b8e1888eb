/**
 * The parts of an `HttpApi` that its OpenAPI document describes.
 */
import * as HttpApi from "@effect/platform/HttpApi"
import type * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import type * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import type * as OpenApi from "@effect/platform/OpenApi"
import type { Endpoint, Members } from "../../src/Manager/openApi.js"

export type AnyApi = HttpApi.HttpApi.Any
export type Api = HttpApi.HttpApi<string, HttpApiGroup.HttpApiGroup.AnyWithProps, unknown, unknown>
export type AnyMiddleware = HttpApiMiddleware.TagClassAny

export const membersOf = (api: Api): Members => {
  const endpoints: Array<Endpoint> = []
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
