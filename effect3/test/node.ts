/**
 * What the platform's programs need on Node.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"

export const services = NodeContext.layer
