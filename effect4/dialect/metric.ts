/**
 * Metrics, updated without an effect.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

export type Counter = Metric.Counter<number>
export type Gauge = Metric.Gauge<number>
export type Histogram = Metric.Histogram<number>

export const counter = (name: string, description: string): Counter =>
  Metric.counter(name, { description, incremental: true })

export const gauge = (name: string, description: string): Gauge => Metric.gauge(name, { description })

/** `boundaries` are the upper ends of all buckets but the last. */
export const histogram = (name: string, description: string, boundaries: ReadonlyArray<number>): Histogram =>
  Metric.histogram(name, { description, boundaries })

export type Labels = Context.Context<never>

/** Made once for all updates: by their identity Effect finds the metric at once. */
export const labels = (values: Readonly<Record<string, string>>): Labels =>
  Context.make(Metric.CurrentMetricAttributes, values)

/** Adds to a counter, sets a gauge, or counts a number in a histogram. */
export const update = (metric: Counter | Gauge | Histogram, n: number, labels: Labels): void =>
  metric.updateUnsafe(n, labels)
