/**
 * What Effect's metrics have counted.
 */
import * as Effect from "#effect/Effect"
import * as Metric from "#effect/Metric"

export const count = (name: string, description: string, backend: string): Effect.Effect<number> =>
  Metric.counter(name, { incremental: true, description }).pipe(
    Metric.withAttributes({ backend }),
    Metric.value,
    Effect.map(({ count }) => count)
  )

export const value = (name: string, description: string, backend: string): Effect.Effect<number> =>
  Metric.gauge(name, { description }).pipe(
    Metric.withAttributes({ backend }),
    Metric.value,
    Effect.map(({ value }) => value)
  )
