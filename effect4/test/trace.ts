/**
 * Tracers, and what spans show.
 */
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"
import type { SpanOptions } from "../../test/support/spans.js"

/** A tracer with spans of its own. */
export const makeTracer = (span: (name: string, options: SpanOptions) => any): Tracer.Tracer =>
  Tracer.make({ span: ({ name, ...options }) => span(name, options) })

/** With the headers in the spans of requests, as Effect 3 has them by itself. */
export const layerTracer = (tracer: Tracer.Tracer): Layer.Layer<never> =>
  Layer.merge(
    Layer.succeed(Tracer.Tracer, tracer),
    Layer.succeed(HttpMiddleware.TracerHeaderFilter, () => true)
  )

/** Whether spans show each parameter of a query. */
export const showsQueries = false as boolean
