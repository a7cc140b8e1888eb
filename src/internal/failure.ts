/**
 * A failed call of a backend that this library words itself.
 */

/**
 * A failure with words that may be shown: they hold no id or value. Of any other failure only the code or the name is
 * shown. The advice says what to do, if there is something to do.
 */
export class Failure extends Error {
  override readonly name = "Failure"
  constructor(
    readonly words: string,
    readonly advice?: string
  ) {
    super(words)
  }
}

/** The advice for a backend that does not answer as it should. */
export const checkBackend = "check that the backend is up and reachable"

export const idTaken = (): Failure => new Failure("the new id is taken", "try again")

export const keptChanging = (): Failure => new Failure("others keep changing the session", "try again")

export const stayedLocked = (): Failure => new Failure("another process keeps the session locked", "try again later")
