/**
 * What the two sides of a Result hold.
 */
import type * as Either from "effect/Either"

export const valueOf = <A, E>(success: Either.Right<E, A>): A => success.right

export const errorOf = <A, E>(failure: Either.Left<E, A>): E => failure.left
