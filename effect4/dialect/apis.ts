/**
 * The parts of an `HttpApi` that its OpenAPI document describes.
 */
import * as HttpApi from "effect/http-api/HttpApi"
import type * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import type * as OpenApi from "effect/http-api/OpenApi"
import type { Endpoint, Members } from "../../src/Manager/openApi.js"

export type AnyApi = HttpApi.Constraint
export type Api = HttpApi.Top
export type AnyMiddleware = HttpApiMiddleware.AnyService

/** A path without what tells whether its parameters have a Schema: only with one are they such in the document. */
const plain = (path: string) => path.replace(/\{(\w+)\}|:(\w+)(\(.*?\))?\??/g, "{$1$2}")

/** Effect 4 gives the middlewares of the whole API to each endpoint. */
export const membersOf = (api: Api): Members => {
  const endpoints: Array<Endpoint> = []
  HttpApi.reflect(api, {
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
