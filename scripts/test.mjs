// `npm test`: installs the programs that the tests need, then runs all tests. Arguments go to vitest:
// `npm test -- test/http` runs the tests of test/http, and installs only the programs that these need.
// The last line, "N passed, N failed", is for programs that count.
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { endWithNpm } from "./lifetime.mjs"
import { root } from "./programs.mjs"
import { setup } from "./setup.mjs"

endWithNpm()
const filters = process.argv.slice(2)
const missing = setup("test", filters)

/**
 * Runs a program of node_modules and returns whether it succeeded.
 *
 * @param {string} name
 * @param {ReadonlyArray<string>} args
 * @returns {Promise<boolean>}
 */
const run = (name, args) =>
  new Promise((resolve) => {
    const child = spawn(join(root, "node_modules", ".bin", name), args, { cwd: root, stdio: "inherit" })
    const pass = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal)
    // A terminal sends Ctrl-C to both processes.
    const wait = () => {}
    process.on("SIGTERM", pass).on("SIGINT", wait)
    const end = (/** @type {boolean} */ succeeded) => {
      process.off("SIGTERM", pass).off("SIGINT", wait)
      resolve(succeeded)
    }
    child.once("error", () => end(false))
    child.once("exit", (code) => end(code === 0))
  })

const hasTypeTests = filters.length === 0 && existsSync(join(root, "test", "types"))
const typesPass = !hasTypeTests || (await run("tstyche", []))

const folder = mkdtempSync(join(tmpdir(), "effect-session-report-"))
const report = join(folder, "report.json")
const testsPass = await run("vitest", [
  ...["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
  ...filters
])
const files = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")).testResults : []
rmSync(folder, { recursive: true })

/** @type {ReadonlyArray<{ readonly status: string, readonly title: string }>} */
const tests = files.flatMap((/** @type {any} */ file) => file.assertionResults)
const notRun = tests.filter(({ status }) => status === "todo" || status === "skipped" || status === "pending")
if (notRun.length > 0 && filters.length === 0) {
  console.log("Not run:")
  for (const { title } of notRun) console.log(`  ${title.replace(/^not run: /, "")}`)
}

const passed = tests.filter(({ status }) => status === "passed").length
// A file that cannot be loaded has no tests that could fail, so it counts as a failure. So do errors that belong to no
// file.
const broken = files.filter(
  (/** @type {any} */ file) => file.status === "failed" && file.assertionResults.length === 0
).length
const failed = tests.filter(({ status }) => status === "failed").length + broken
console.log(`${passed} passed, ${testsPass ? failed : Math.max(1, failed)} failed`)

const incomplete = process.env["CI"] === "true" && missing.length > 0
process.exitCode = typesPass && testsPass && !incomplete ? 0 : 1
