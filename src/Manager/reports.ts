/**
 * What the log has to say of failed requests, said once: an outage in a line when it begins, a count while it lasts, and
 * a line when it is over. Not a line per request, of which an outage has thousands. Each of these is still logged at the
 * debug level.
 *
 * Time is the machine's, as the backend's is. There are no timers: a count is logged by a request that failed, the end
 * by one that did not.
 */
import * as Cause from "#effect/Cause"
import * as Effect from "#effect/Effect"
import type { Reason, SessionError } from "../SessionError.js"

export interface Reports {
  /** A request failed, and its client does not see why. */
  readonly failed: (error: SessionError) => Effect.Effect<void>
  /** The backend's code died in a request. */
  readonly died: (defect: Error) => Effect.Effect<void>
  /** Warns of a mistake in the app, which may be in all of its requests. */
  readonly warned: (message: string) => Effect.Effect<void>
  /** Garbage collection failed, of which an outage has said the reason. */
  readonly notCollected: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
  /** Notes the result of each call of the backend; returns what is to be logged when an outage is over. */
  readonly called: (kind: CallKind, isDone: boolean) => Effect.Effect<void> | undefined
}

/** Where reads work, writes may still be refused. */
export type CallKind = "read" | "write"

/** The errors that are not the server's fault, and that any client can cause. */
const byClients: ReadonlyArray<Reason> = ["Gone", "SignInNeeded", "TooManySessions", "CrossOrigin", "NotAdmitted"]

/** The pause between two lines of a kind, in milliseconds. */
const pause = 10_000

/**
 * How long no request must have failed before an outage is over, in milliseconds: calls may fail now and then. One that
 * begins soon after another, as where one of several servers is away, is over after a {@link pause}.
 */
const calm = 1_000

interface Outage {
  readonly began: number
  /** How many requests have failed. */
  requests: number
  lastFailure: number
  readonly calm: number
  /** When a call was answered first, after the last failure. */
  answered: number | undefined
  lastLine: number
}

/** `isCalled` is false if the backend's calls are not noted, because they are of this process: then it has no outages. */
export const makeReports = (backend: string, isCalled: boolean): Reports => {
  let outage: Outage | undefined
  let lastOver = Number.NEGATIVE_INFINITY
  /** Until when the last failed call of a kind counts, if none has worked since. */
  const failing = { read: 0, write: 0 }
  const others = new Map<string, { since: number; dropped: number }>()

  /** Logs a line, unless one of its kind was logged a moment ago; then it is counted in the next one. */
  const seldom = (kind: string, message: string, log: (message: string) => Effect.Effect<void>) => {
    const now = performance.now()
    const last = others.get(kind)
    if (last !== undefined && now < last.since + pause) {
      last.dropped++
      return Effect.logDebug(message)
    }
    others.set(kind, { since: now, dropped: 0 })
    return log(last === undefined || last.dropped === 0 ? message : `${message} (and ${last.dropped} more before)`)
  }

  const unavailable = (message: string): Effect.Effect<void> => {
    const now = performance.now()
    if (outage === undefined) {
      const isSoon = now < lastOver + pause
      outage = {
        ...{ began: now, requests: 1, lastFailure: now, answered: undefined, lastLine: now },
        calm: isSoon ? pause : calm
      }
      return Effect.logError(message)
    }
    outage.requests++
    outage.lastFailure = now
    outage.answered = undefined
    if (now < outage.lastLine + pause) {
      return Effect.logDebug(message)
    }
    outage.lastLine = now
    return Effect.logError(
      `${backend}: still failing after ${seconds(now - outage.began)}: ${requests(outage)} failed, the last one with: ${message}`
    )
  }

  return {
    failed: ({ message, reason }) =>
      Effect.suspend(() =>
        byClients.includes(reason)
          ? Effect.logDebug(message)
          : reason === "Unavailable" && isCalled
            ? unavailable(message)
            : seldom(reason, message, Effect.logError)
      ),
    died: (defect) =>
      Effect.suspend(() =>
        seldom("Died", "session: saving died", (message) => Effect.logError(message, Cause.die(defect)))
      ),
    warned: (message) => Effect.suspend(() => seldom(message, message, Effect.logWarning)),
    notCollected: (cause) =>
      Effect.suspend(() =>
        (outage === undefined ? Effect.logWarning : Effect.logDebug)("session garbage collection failed", cause)
      ),
    called: (kind, isDone) => {
      failing[kind] = isDone ? 0 : performance.now() + pause
      if (outage === undefined || !isDone) {
        return undefined
      }
      const now = performance.now()
      if (now < failing.read || now < failing.write) {
        return undefined
      }
      outage.answered ??= now
      if (now < outage.lastFailure + outage.calm) {
        return undefined
      }
      const over = `${backend}: works again after ${seconds(outage.answered - outage.began)}, in which ${requests(outage)} failed`
      outage = undefined
      lastOver = now
      return Effect.logInfo(over)
    }
  }
}

const seconds = (millis: number): string => `${Math.round(millis / 1000)} s`

const requests = ({ requests }: Outage): string => (requests === 1 ? "1 request" : `${requests} requests`)
