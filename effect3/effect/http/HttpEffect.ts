export * from "@effect/platform/HttpApp"
