/**
 * What `doctor` finds, and how it looks: each check is a value, and has a time limit of its own.
 */
import * as Cause from "#effect/Cause"
import * as Effect from "#effect/Effect"
import { Failure, wordsOf } from "../../internal/failure.js"
import { rest } from "../../internal/machineTime.js"
import { isSessionError } from "../../SessionError.js"
import { spoken } from "./units.js"

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

/** Those of the findings that apply. */
export const present = (found: ReadonlyArray<Finding | false>): ReadonlyArray<Finding> =>
  found.filter((one) => one !== false)

/** Those of the findings that apply; if none does, that all is as it should be, in the words of `right`. */
export const foundOr = (right: string, found: ReadonlyArray<Finding | false>): ReadonlyArray<Finding> => {
  const those = present(found)
  return those.length > 0 ? those : [ok(right)]
}

/** The findings of a check. Its effect fails if it could not look. */
export type Look = Effect.Effect<ReadonlyArray<Finding>, unknown>

/** A look with a name that completes "not checked: ". */
export interface Check {
  readonly name: string
  readonly look: Look
}

/** A check whose findings are known already. */
export const known = (...found: ReadonlyArray<Finding>): Check => ({ name: "", look: Effect.succeed(found) })

/** The checks of one of several servers, which say which one it is. */
export const at = (address: string, checks: ReadonlyArray<Check>): ReadonlyArray<Check> =>
  checks.map(({ look, name }) => ({
    name: `${address}: ${name}`,
    look: Effect.map(look, (found) => found.map((one) => ({ ...one, what: `${address}: ${one.what}` })))
  }))

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

/** How long sessions may stay stored after their end, in milliseconds, and how many of them are many. */
export const lateness = 3_600_000
export const many = 100

/** The warning of sessions that are still stored so long after their end. */
export const staying = (which: string, late: number): Finding =>
  warning(
    `${which} expired more than ${spoken(late)} ago and are still stored: nothing removes them`,
    "let one of the app's processes run all the time, or run `effect-session gc` from cron"
  )
