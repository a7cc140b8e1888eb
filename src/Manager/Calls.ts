/**
 * Calls a backend: each call runs in a span, and none longer than the configured timeout.
 */
import { defectIn, ended, interrupt, start, whereTraced } from "#dialect/runtime"
import * as Cause from "#effect/Cause"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { deadline } from "../internal/machineTime.js"
import type { Sealing } from "../Provider/cookie/SealedSessions.js"
import { mapCalls, type Provider } from "../Provider/Provider.js"
import type { SessionError } from "../SessionError.js"
import type { Reports } from "./reports.js"
import type { Telemetry } from "./Telemetry.js"
import { type Patience, patience } from "./Turns.js"

/** Bounds an effect in time. */
export type Bounded = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E | SessionError>

/**
 * Bounds effects in time, and shields them from the caller's interruption: a client that hangs up does not undo a save.
 * Calls that may take too long run in their own fiber, because `Effect.timeout` has no effect inside an uninterruptible
 * request. A call that ignores interruption therefore cannot delay the response.
 */
export const bounded = ({ answersWithin, inProcess, name }: Backend, timeout: Duration.Duration): Bounded =>
  inProcess || answersWithin <= Duration.toMillis(timeout) ? Effect.uninterruptible : forked(patience(name, timeout))

/** The properties of a backend that decide how it is called. */
export interface Backend {
  readonly name: string
  readonly inProcess: boolean
  /** The longest that a call takes, in milliseconds, because of the backend's own timeout. */
  readonly answersWithin: number
}

/**
 * {@link bounded} with a fork, which starts at once: one that waits for the scheduler takes several times as long. The
 * time is the machine's, not the Clock's, because the fiber waits for a server.
 */
export const forked =
  ({ late, millis }: Patience): Bounded =>
  <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.withFiber<A, E | SessionError>((caller) => {
      const fiber = start(caller, effect)
      return (
        ended(fiber) ??
        Effect.callback((resume) => {
          const met = deadline(millis, () => {
            // First, because an interruption may be answered at once.
            resume(late)
            interrupt(fiber)
          })
          fiber.addObserver((exit) => {
            met()
            resume(exit)
          })
        })
      )
    })

/**
 * A defect of a backend's code with its kind and stack only: its message can hold ids and values.
 */
export const withoutWords = (where: string, defect: unknown): Error => {
  const error = new Error(`${where} died of ${defect instanceof Error ? defect.name : typeof defect}`)
  const frames = defect instanceof Error ? defect.stack?.match(/^ {4}at .*$/gm) : undefined
  error.stack = [`${error.name}: ${error.message}`, ...(frames ?? [])].join("\n")
  return error
}

/** Removes ids and values from the defect of a cause; `where` is called if there is one. */
export const scrubbed =
  (where: () => string) =>
  (cause: Cause.Cause<SessionError>): Effect.Effect<never, SessionError> => {
    const defect = defectIn(cause)
    return Option.isNone(defect) ? Effect.failCause(cause) : Effect.die(withoutWords(where(), defect.value))
  }

/** What surrounds each call of a backend, and each commit as a whole. */
export interface Surroundings {
  readonly bounded: Bounded
  readonly reports: Reports
  readonly telemetry: Telemetry
}

/**
 * Puts a span and a time limit around a call that waits for a backend, removes ids and values from its defects, and
 * notes how long it took and whether the backend answered.
 */
const guards =
  (name: string, { bounded, reports, telemetry }: Surroundings) =>
  (operation: string): (<A>(call: Effect.Effect<A, SessionError>) => Effect.Effect<A, SessionError>) => {
    const kind = reads.has(operation) ? "read" : "write"
    const took = telemetry.took(operation)
    const spanName = `session.${operation}`
    const options = { kind: "client", captureStackTrace: false, attributes: { "session.backend": name } } as const
    const scrub = scrubbed(() => `${name}: ${operation}`)
    const noted = <A>(call: Effect.Effect<A, SessionError>): Effect.Effect<A, SessionError> =>
      Effect.suspend(() => {
        const began = performance.now()
        return Effect.matchCauseEffect(call, {
          onFailure: (cause) => {
            took(performance.now() - began, "failure")
            if (Option.exists(Cause.findErrorOption(cause), ({ reason }) => reason === "Unavailable")) {
              reports.called(kind, false)
            }
            return Effect.failCause(cause)
          },
          onSuccess: (result) => {
            took(performance.now() - began, "success")
            const over = reports.called(kind, true)
            return over === undefined ? Effect.succeed(result) : Effect.as(over, result)
          }
        })
      })
    return (call) => {
      const safe = noted(bounded(Effect.catchCause(call, scrub)))
      return whereTraced(safe, () => Effect.withSpan(safe, spanName, options))
    }
  }

const reads = new Set(["read", "exists", "marked", "principals.read", "isRevoked", "endingOf", "generation"])

/**
 * The provider, with its calls guarded if they wait. The time of counting, listing and collecting depends on the number
 * of sessions, and `changed` waits, so these have no limit.
 */
export const guarded = (provider: Provider, surroundings: Surroundings): Provider => {
  const { changed, count, gc, name } = provider
  return provider.capabilities.inProcess
    ? provider
    : { ...provider, ...mapCalls(provider, guards(name, surroundings), (list) => list), changed, count, gc }
}

/** The sealing, with those calls guarded that wait for the provider of revocations. */
export const guardedSealing = (sealing: Sealing, surroundings: Surroundings): Sealing => {
  if (sealing.inProcess) {
    return sealing
  }
  const guard = guards(sealing.name, surroundings)
  const isRevoked = guard("isRevoked")
  const endingOf = guard("endingOf")
  const end = guard("end")
  const { generations } = sealing
  const [current, begin] = [guard("generation"), guard("endAll")]
  return {
    ...sealing,
    isRevoked: (session) => isRevoked(sealing.isRevoked(session)),
    endingOf: (session) => endingOf(sealing.endingOf(session)),
    end: (session, ending, lifetimes) => end(sealing.end(session, ending, lifetimes)),
    generations: generations && {
      current: (principal) => current(generations.current(principal)),
      begin: (principal, lifetimes) => begin(generations.begin(principal, lifetimes))
    }
  }
}
