/**
 * Metrics, updated without an effect.
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricLabel from "effect/MetricLabel"

export type Counter = Metric.Metric.Counter<number>
export type Gauge = Metric.Metric.Gauge<number>
export type Histogram = Metric.Metric.Histogram<number>

export const counter = (name: string, description: string): Counter =>
  Metric.counter(name, { description, incremental: true })

export const gauge = (name: string, description: string): Gauge => Metric.gauge(name, { description })

/** `boundaries` are the upper ends of all buckets but the last. */
export const histogram = (name: string, description: string, boundaries: ReadonlyArray<number>): Histogram =>
  Metric.histogram(name, MetricBoundaries.fromIterable(boundaries), description)

export type Labels = ReadonlyArray<MetricLabel.MetricLabel>

/** Made once for all updates: by their identity Effect finds the metric at once. */
export const labels = (values: Readonly<Record<string, string>>): Labels =>
  Object.entries(values).map(([name, value]) => MetricLabel.make(name, value))

/** Adds to a counter, sets a gauge, or counts a number in a histogram. */
export const update = (metric: Counter | Gauge | Histogram, n: number, labels: Labels): void =>
  metric.unsafeUpdate(n, labels)
