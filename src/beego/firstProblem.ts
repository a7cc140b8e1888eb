/**
 * Checks of which only the first that fails is told.
 */

/** The message of the first check that finds a problem, if any. */
export const firstProblem = (checks: ReadonlyArray<readonly [isWrong: boolean, message: string]>): string | undefined =>
  checks.find(([isWrong]) => isWrong)?.[1]
