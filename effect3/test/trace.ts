/**
 * Tracers, and what spans show.
 */
import * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"
import type { SpanOptions } from "../../test/support/spans.js"

/** A tracer with spans of its own. */
export const makeTracer = (span: (name: string, options: SpanOptions) => any): Tracer.Tracer =>
  Tracer.make({
    span: (name, parent, context, links, startTime, kind) =>
      span(name, { parent, context, links, startTime, kind } as SpanOptions),
    context: (f) => f()
  })

export const layerTracer = (tracer: Tracer.Tracer): Layer.Layer<never> => Layer.setTracer(tracer)

/** Whether spans show each parameter of a query. */
export const showsQueries = true as boolean
