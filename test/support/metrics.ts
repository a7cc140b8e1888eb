/**
 * What Effect's metrics have counted.
 */
import type { Histogram } from "#dialect/metric"
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

/** What is in one of the histograms of sessions: how many numbers, and the smallest and the largest of them. */
export const histogram = (
  metric: Histogram,
  attributes: Readonly<Record<string, string>>
): Effect.Effect<{ readonly count: number; readonly min: number; readonly max: number }> =>
  metric.pipe(Metric.withAttributes(attributes), Metric.value)
