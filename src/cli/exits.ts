/**
 * How a command ends: its exit code, and what it says if it has not done what it was to do.
 */
import * as Data from "#effect/Data"
import * as Effect from "#effect/Effect"

/** The exit codes: done, not done or something is wrong, and used or configured wrongly. */
export const exits = { done: 0, failed: 1, usage: 2 } as const

/** Used wrongly. */
export class Refused extends Data.TaggedError("Refused")<{ readonly message: string }> {}

export const refused = (message: string): Effect.Effect<never, Refused> => Effect.fail(new Refused({ message }))

/** Done, but something is wrong that was said already. */
export class Unsound extends Data.TaggedError("Unsound") {}
