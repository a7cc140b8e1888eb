/**
 * Implements an `HttpApi`'s middleware with several security schemes.
 */
import * as Effect from "#effect/Effect"

const tryNext = Effect.fail("another scheme decides")

/**
 * A function as the implementation of each security scheme. The credential that HttpApi decoded is not used: the
 * transport reads the id, as in the other mounts. HttpApi tries the schemes in turn until one does not fail, so all but
 * the last fail at once: otherwise a function that rejects the request would run for each of them.
 */
export const bySchemes = <Implementation>(schemes: object, implementation: Implementation) =>
  Object.fromEntries(
    Object.keys(schemes).map((name, place, { length }) => [name, place === length - 1 ? implementation : () => tryNext])
  )
