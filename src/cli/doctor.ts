/**
 * Prints what is wrong with the backend and the configuration of sessions, and what to do about it.
 */
import * as Console from "#effect/Console"
import * as Effect from "#effect/Effect"
import { diagnose } from "./doctor/diagnose.js"
import type { Finding } from "./doctor/finding.js"
import { Unsound } from "./exits.js"

const toLine = ({ level, todo, what }: Finding): string =>
  `${level.padEnd(7)}  ${what}${todo === undefined ? "" : `\n         ${todo}`}`

export const doctor = ({ json }: { readonly json: boolean }): Effect.Effect<void, Unsound> =>
  Effect.gen(function* () {
    const findings = yield* diagnose
    yield* Effect.forEach(findings, (finding) => Console.log(json ? JSON.stringify(finding) : toLine(finding)))
    return yield* findings.every(({ level }) => level === "ok") ? Effect.void : Effect.fail(new Unsound())
  })
