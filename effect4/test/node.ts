/**
 * What the platform's programs need on Node.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Layer from "effect/Layer"

export const services = Layer.merge(NodeServices.layer, NodeHttpServer.layerHttpServices)
