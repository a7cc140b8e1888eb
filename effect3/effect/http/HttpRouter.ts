export * from "@effect/platform/HttpLayerRouter"
