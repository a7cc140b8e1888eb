/**
 * What `doctor` finds, and how it looks: each check is a value, and has a time limit of its own.
 */
import { millisOf } from "#dialect/clock"
import * as Cause from "#effect/Cause"
import * as Effect from "#effect/Effect"
import { Failure, wordsOf } from "../../internal/failure.js"
import { rest } from "../../internal/machineTime.js"
import { isSessionError } from "../../SessionError.js"

/** How bad something is: right, or only worth knowing; likely to harm soon; or harmful now. */
export type Level = "ok" | "warning" | "wrong"

/** What was found, and what to do about it. Neither holds a secret, an id or a value. */
export interface Finding {
  readonly level: Level
  readonly what: string
  readonly todo?: string | undefined
}

const finding =
  (level: Level) =>
  (what: string, todo?: string): Finding =>
    todo === undefined ? { level, what } : { level, what, todo }

export const ok = finding("ok")
export const warning = finding("warning")
export const wrong = finding("wrong")

/** The findings of a check. Its effect fails if it could not look. */
export type Look = Effect.Effect<ReadonlyArray<Finding>, unknown>

/** A look with a name that completes "not checked: ". */
export interface Check {
  readonly name: string
  readonly look: Look
}

/** How long a check may take, in milliseconds. */
const limit = 10_000

/** What may be shown of an error. */
export const shown = (error: unknown): string =>
  error instanceof Failure ? error.words : isSessionError(error) ? error.message : wordsOf(error).words

const run = ({ look, name }: Check): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.raceFirst(
    Effect.catchCause(look, (cause) => Effect.succeed([ok(`not checked: ${name} (${shown(Cause.squash(cause))})`)])),
    Effect.as(rest(limit), [
      warning(
        `not checked: ${name}: no answer within ${limit / 1000} seconds`,
        "run doctor again; if it stays so, see how busy the server is"
      )
    ])
  )

/** Runs checks side by side. A check that fails, or does not end, is told, and keeps none of the others. */
export const runAll = (checks: ReadonlyArray<Check>): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(Effect.forEach(checks, run, { concurrency: "unbounded" }), (found) => found.flat())

/** How far two clocks may differ, in milliseconds. */
const tolerance = 2_000

/**
 * Compares a server's clock with the app's. `ask` returns the server's time in milliseconds since the epoch, which may be
 * rounded down by as much as `unit`.
 */
export const clocks = <E>(
  whose: string,
  ask: Effect.Effect<number, E>,
  consequence: string,
  unit = 0
): Effect.Effect<ReadonlyArray<Finding>, E> =>
  Effect.clockWith((clock) =>
    Effect.suspend(() => {
      const before = millisOf(clock)
      return Effect.map(ask, (theirs) => {
        const after = millisOf(clock)
        // The server looked at its clock at some moment in between.
        const difference = theirs + unit / 2 - (before + after) / 2
        const apart = Math.abs(difference)
        return apart > tolerance + unit / 2 + (after - before) / 2
          ? [
              warning(
                `the clock of ${whose} is ${spoken(apart)} ${difference > 0 ? "ahead of" : "behind"} this machine's: ${consequence}`,
                "keep both in step with NTP: see timedatectl or chronyc tracking on each machine"
              )
            ]
          : [ok(`the clock of ${whose} agrees with this machine's`)]
      })
    })
  )

/** A time span, in milliseconds, in the largest unit that it fills twice. */
export const spoken = (millis: number): string => {
  const [unit, size] = units.find(([, size]) => millis >= 2 * size) ?? ["seconds", 1_000]
  return `${Math.round(millis / size)} ${unit}`
}

const units: ReadonlyArray<readonly [name: string, size: number]> = [
  ["days", 86_400_000],
  ["hours", 3_600_000],
  ["minutes", 60_000]
]

/** A number of bytes, as people say it. */
export const size = (bytes: number): string =>
  bytes >= 2 ** 30
    ? `${(bytes / 2 ** 30).toFixed(1)} GiB`
    : bytes >= 2 ** 20
      ? `${Math.round(bytes / 2 ** 20)} MiB`
      : `${Math.round(bytes / 2 ** 10)} KiB`

/** A share in whole percent, rounded down: what is not full is not called so. */
export const percent = (part: number, whole: number): number => Math.floor((100 * part) / whole)
