/**
 * A failed call of a backend, in words that may be shown.
 */
import { codeOf } from "./codeOf.js"

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

/** The codes and names of errors that say that the backend was not reached, from the system, Node and Effect. */
const unreached = new Set([
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
  "TimeoutError",
  "TimeoutException"
])

/** The words for a failure of a driver: the code of its error or else the name, and advice where one is known. */
export const wordsOf = (cause: unknown): Pick<Failure, "words" | "advice"> => {
  const words = codeOf(cause) ?? (cause instanceof Error ? cause.name : "unknown error")
  return { words, advice: unreached.has(words) ? checkBackend : undefined }
}

export const idTaken = (): Failure => new Failure("the new id is taken", "try again")

export const keptChanging = (): Failure => new Failure("others keep changing the session", "try again")

export const stayedLocked = (): Failure => new Failure("another process keeps the session locked", "try again later")
