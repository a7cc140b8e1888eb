/**
 * Metrics, updated without an effect.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

export type Counter = Metric.Counter<number>
export type Gauge = Metric.Gauge<number>

export const counter = (name: string, description: string): Counter =>
  Metric.counter(name, { description, incremental: true })

export const gauge = (name: string, description: string): Gauge => Metric.gauge(name, { description })

export type Labels = Context.Context<never>

/** Made once for all updates: by their identity Effect finds the metric at once. */
export const labels = (name: string, value: string): Labels =>
  Context.make(Metric.CurrentMetricAttributes, { [name]: value })

/** Adds to a counter, or sets a gauge. */
export const update = (metric: Counter | Gauge, n: number, labels: Labels): void => metric.updateUnsafe(n, labels)
