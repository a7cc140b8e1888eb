/**
 * Watches what a program logs, and what its spans are told.
 */
import { inspect } from "node:util"
import * as Cause from "#effect/Cause"
import * as Layer from "#effect/Layer"
import * as Logger from "#effect/Logger"
import type * as Tracer from "#effect/Tracer"
import * as Logs from "#test/logs"
import { layerTracer, makeTracer } from "#test/trace"

/** All that is logged, in each form that Effect has for it, and all that spans are told. */
export const watch = () => {
  const seen: Array<string> = []
  const forms = Logs.forms
  const logger = Logger.make((options) => {
    for (const form of forms) seen.push(form.log(options))
    seen.push(inspect(Logs.structured.log(options), { depth: 9 }))
  })
  const span = (name: string, options: any): Tracer.Span => ({
    _tag: "Span",
    spanId: "1",
    traceId: "1",
    sampled: true,
    name,
    ...options,
    attributes: new Map(),
    status: { _tag: "Started", startTime: 0n },
    end: (_: bigint, exit: any) => {
      seen.push(`${name} ${exit._tag === "Failure" ? Cause.pretty(exit.cause) + inspect(exit, { depth: 9 }) : ""}`)
    },
    attribute: (key: string, value: unknown) => {
      seen.push(`${key}=${value}`)
    },
    event: (name: string, _: bigint, attributes: unknown) => {
      seen.push(`${name} ${JSON.stringify(attributes)}`)
    },
    addLinks: () => {}
  })
  const tracer = makeTracer(span)
  const layer = Layer.mergeAll(Logs.replacing(logger), layerTracer(tracer), Logs.everything)
  return { layer, seen }
}
