/**
 * Metrics, updated without an effect.
 */
import * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"

export type Counter = Metric.Metric.Counter<number>
export type Gauge = Metric.Metric.Gauge<number>

export const counter = (name: string, description: string): Counter =>
  Metric.counter(name, { description, incremental: true })

export const gauge = (name: string, description: string): Gauge => Metric.gauge(name, { description })

export type Labels = ReadonlyArray<MetricLabel.MetricLabel>

/** Made once for all updates: by their identity Effect finds the metric at once. */
export const labels = (name: string, value: string): Labels => [MetricLabel.make(name, value)]

/** Adds to a counter, or sets a gauge. */
export const update = (metric: Counter | Gauge, n: number, labels: Labels): void => metric.unsafeUpdate(n, labels)
