// Defines suites that need a program of the system: if the program is missing, the suite is reported as not run, and
// fails with CI=true.
import { describe, it } from "vitest"
import { findProgram } from "../../scripts/programs.mjs"

/** Defines a suite, unless one of the programs that its servers run is missing. */
export const suite = (
  name: string,
  needs: ReadonlyArray<string>,
  body: () => void,
  options: { readonly concurrent?: boolean } = {}
): void => {
  const missing = needs.filter((program) => findProgram(program) === undefined)
  if (missing.length === 0) {
    describe(name, options, body)
    return
  }
  const report = `not run: ${name} needs ${missing.join(" and ")}`
  describe(name, () => {
    if (process.env["CI"] === "true") {
      it(report, () => {
        throw new Error(report)
      })
    } else {
      it.todo(report)
    }
  })
}

/** As `suite`, beside the file's others of this kind: each has servers of its own. The tests of each run one by one. */
export const suiteBeside = (name: string, needs: ReadonlyArray<string>, body: () => void): void => {
  describe.concurrent("side by side", () => suite(name, needs, body, { concurrent: false }))
}
