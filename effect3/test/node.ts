import * as NodeContext from "@effect/platform-node/NodeContext"

export const services = NodeContext.layer
