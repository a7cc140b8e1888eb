import * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"

export * from "effect/Metric"

export const withAttributes =
  (attributes: Readonly<Record<string, string>>) =>
  <Type, In, Out>(self: Metric.Metric<Type, In, Out>): Metric.Metric<Type, In, Out> =>
    Metric.taggedWithLabels(
      self,
      Object.entries(attributes).map(([name, value]) => MetricLabel.make(name, value))
    )
