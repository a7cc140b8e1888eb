/**
 * What the two sides of a Result hold.
 */
import type * as Result from "effect/Result"

export const valueOf = <A, E>(success: Result.Success<A, E>): A => success.success

export const errorOf = <A, E>(failure: Result.Failure<A, E>): E => failure.failure
