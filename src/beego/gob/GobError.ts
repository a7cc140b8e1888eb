// The error of the gob codec, and the bounds that keep a hostile stream from costing more than its own size.
import * as Data from "effect/Data"

/**
 * Why a gob stream was refused.
 *
 * - `Truncated`: the stream ends in the middle of a value.
 * - `Malformed`: the bytes are not a gob stream, or not one of beego's session map.
 * - `LimitExceeded`: the stream is larger, deeper or holds more values than the limits allow.
 *
 * @since 0.1.0
 * @category errors
 */
export type GobErrorReason = "Truncated" | "Malformed" | "LimitExceeded"

/**
 * A gob stream that could not be read or written. The message tells what is wrong, never what the stream holds.
 *
 * @since 0.1.0
 * @category errors
 */
export class GobError extends Data.TaggedError("GobError")<{
  readonly reason: GobErrorReason
  readonly message: string
}> {}

export const malformed = (message: string): GobError => new GobError({ reason: "Malformed", message })

export const truncated = (): GobError =>
  new GobError({ reason: "Truncated", message: "the stream ends in the middle of a value" })

export const limitExceeded = (what: string, limit: number): GobError =>
  new GobError({ reason: "LimitExceeded", message: `the limit of ${limit} ${what} is exceeded` })

/**
 * Bounds of one stream, checked before anything is allocated for what they bound.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /** Length of the stream in bytes: 16 MiB by default. */
  readonly maxBytes: number
  /** Levels of values inside values, the session map being the first: 64 by default. */
  readonly maxDepth: number
  /** Values and type definitions, counted together: 262,144 by default. */
  readonly maxValues: number
}

export const defaultLimits: Limits = { maxBytes: 16 * 1024 * 1024, maxDepth: 64, maxValues: 262_144 }
