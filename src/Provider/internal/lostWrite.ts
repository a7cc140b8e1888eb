/**
 * What becomes of a conditional write whose connection was lost, in a store with compare-and-swap: nobody knows whether
 * it was made, but what is there now may tell.
 */
import * as Effect from "#effect/Effect"
import type { Change } from "./casProvider.js"

/** What the value that is there now tells of the write; undefined if it tells nothing. */
export type Told = (value: Buffer | undefined) => Change | undefined

/** Of a write of `value`. `distinct` is whether no other write has the same value. */
export const ofValue =
  (value: Buffer, distinct: boolean): Told =>
  (found) =>
    distinct && found?.equals(value) === true ? "done" : undefined

/** Of a removal: what is there was not removed. */
export const ofRemoval: Told = (found) => (found === undefined ? "done" : "changed")

/**
 * Makes the write `again` if its token is still there; otherwise what is there has `told` what became of it, or it
 * fails with `failure`.
 */
export const settled = <A, E>(
  isUntouched: boolean,
  told: Change | undefined,
  again: Effect.Effect<A | Change, E>,
  failure: E
): Effect.Effect<A | Change, E> =>
  isUntouched
    ? // If it has changed since, then perhaps by the first attempt, which came late.
      Effect.filterOrFail(
        again,
        (made) => made !== "changed",
        () => failure
      )
    : told === undefined
      ? Effect.fail(failure)
      : Effect.succeed(told)
