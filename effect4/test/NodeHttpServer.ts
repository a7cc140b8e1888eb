/**
 * The platform's server of tests, on Node.
 */
import { createServer } from "node:http"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"

export * from "@effect/platform-node/NodeHttpServer"

/** With a client that follows no redirect and sends any header, as on Effect 3. */
export const layerTest = HttpServer.layerTestClient.pipe(
  Layer.provide(Layer.fresh(NodeHttpClient.layerNodeHttp)),
  Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0 }))
)
