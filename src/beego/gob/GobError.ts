// The error of the gob codec, and the limits that keep a hostile stream from costing more than its own size.
import * as Data from "#effect/Data"

/**
 * Why a gob stream was refused.
 *
 * - `Truncated`: the stream ends in the middle of a value.
 * - `Malformed`: the bytes are not a gob stream, or not one of beego's session map.
 * - `LimitExceeded`: the stream is larger, deeper or holds more values than the limits allow.
 *
 * @since 3.0.0
 * @category errors
 */
export type GobErrorReason = "Truncated" | "Malformed" | "LimitExceeded"

/**
 * A gob stream that could not be read or written. The message says what is wrong, but never what the stream holds.
 *
 * @since 3.0.0
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
 * The limits of one stream, checked before anything is allocated.
 *
 * @since 3.0.0
 * @category models
 */
export interface Limits {
  /** The length of the stream in bytes: 16 MiB by default. */
  readonly maxBytes: number
  /** The levels of values inside values, of which the session map is the first: 64 by default. */
  readonly maxDepth: number
  /** The number of values and type definitions together: 262,144 by default. */
  readonly maxValues: number
}

/**
 * The default limits of `decode` and `encode`.
 *
 * @since 3.0.0
 * @category presets
 */
export const defaultLimits: Limits = { maxBytes: 16 * 1024 * 1024, maxDepth: 64, maxValues: 262_144 }
