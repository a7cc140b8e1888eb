/**
 * What a tracer is told of a span, as both majors have it.
 */
export interface SpanOptions {
  readonly parent: unknown
  readonly links: ReadonlyArray<unknown>
  readonly startTime: bigint
  readonly kind: string
}
