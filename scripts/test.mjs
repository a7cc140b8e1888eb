// `npm test`: installs the programs that the tests need, then runs all tests, on Effect 3 with this Node and on Effect 4
// with one that it supports. Arguments go to vitest: `npm test -- test/http` runs the tests of test/http, and installs
// only the programs that these need; `npm test -- --effect=4 test/http` runs them on Effect 4 alone. Without arguments some
// tests run on Effect 4 alone (`onEffect4` in vitest.config.ts); `npm test -- --effect=3` runs them on Effect 3 too.
// The last line, "N passed, N failed", is for programs that count.
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs"
import { freemem, tmpdir } from "node:os"
import { join } from "node:path"
import { endWithNpm } from "./lifetime.mjs"
import { effect4, nodeOfEffect4, root } from "./programs.mjs"
import { setup } from "./setup.mjs"

endWithNpm()

/** The two packages: the Node that each is tested on, and where the tools for that stand. */
const packages = [
  { effect: "3", node: process.execPath, folder: root },
  { effect: "4", node: nodeOfEffect4, folder: effect4 }
]

const only = process.argv.find((argument) => argument.startsWith("--effect="))?.slice("--effect=".length)
const chosen = packages.filter(({ effect }) => only === undefined || effect === only)
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith("--effect="))
if (chosen.length === 0)
  throw new Error(`--effect: there are tests on ${packages.map(({ effect }) => effect).join(", ")}`)

const missing = await setup("test", filters)

if (only === undefined && filters.length === 0) process.env["BOTH_MAJORS"] = "1"

/**
 * Where the tests keep temporary files: what they fill and throw away, servers' data above all, need not wait for a disk.
 * In memory if there is room for both majors' and programs may be run from there, and else where the system says.
 */
const memory = "/dev/shm"
const needed = 4 * 2 ** 30
const isInMemory = () => {
  if (process.env["TMPDIR"] !== undefined || !existsSync(memory) || freemem() < 2 * needed) return false
  const { bavail, bsize } = statfsSync(memory)
  const [, options = "noexec"] = readFileSync("/proc/mounts", "utf8").match(/^\S+ \/dev\/shm tmpfs (\S+)/m) ?? []
  return bavail * bsize >= needed && !options.split(",").includes("noexec")
}
if (isInMemory()) process.env["TMPDIR"] = memory

/**
 * Runs a program of a package's node_modules and returns whether it succeeded.
 *
 * @param {typeof packages[number]} on
 * @param {string} program
 * @param {ReadonlyArray<string>} args
 * @param {NodeJS.ProcessEnv} variables
 * @returns {Promise<boolean>}
 */
const run = ({ folder, node }, program, args, variables = {}) =>
  new Promise((resolve) => {
    const env = { ...process.env, ...variables }
    const child = spawn(node, [join(folder, "node_modules", program), ...args], { cwd: root, env, stdio: "inherit" })
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

/**
 * Runs the tests on one of the packages.
 *
 * @param {typeof packages[number]} on
 */
const test = async (on) => {
  const folder = mkdtempSync(join(tmpdir(), "effect-session-report-"))
  const report = join(folder, "report.json")
  console.log(`\nTests on Effect ${on.effect}`)
  const args = [
    ...["run", `--config=${join(on.folder, "vitest.config.ts")}`, "--passWithNoTests"],
    ...["--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    ...filters
  ]
  // Hundreds of processes start the same programs: a newer Node compiles them once. Databases begin with the same data.
  const own = { NODE_COMPILE_CACHE: join(folder, "compiled"), PREPARED_DATA: join(folder, "data") }
  mkdirSync(own.PREPARED_DATA)
  const succeeded = await run(on, "vitest/vitest.mjs", args, own)
  const files = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")).testResults : []
  rmSync(folder, { recursive: true })
  /** @type {ReadonlyArray<{ readonly status: string, readonly title: string }>} */
  const tests = files.flatMap((/** @type {any} */ file) => file.assertionResults)
  const count = (/** @type {string} */ status) => tests.filter((test) => test.status === status).length
  // A file that cannot be loaded has no tests that could fail, so it counts as a failure. So do errors that belong to no
  // file.
  const broken = files.filter(
    (/** @type {any} */ file) => file.status === "failed" && file.assertionResults.length === 0
  ).length
  return {
    passed: count("passed"),
    failed: Math.max(succeeded ? 0 : 1, count("failed") + broken),
    notRun: tests.flatMap(({ status, title }) =>
      status === "todo" || status === "skipped" || status === "pending"
        ? [`${title.replace(/^not run: /, "")} (Effect ${on.effect})`]
        : []
    )
  }
}

const hasTypeTests = filters.length === 0 && existsSync(join(root, "test", "types"))
const typed = await Promise.all(
  (hasTypeTests ? chosen : []).map(({ folder }) =>
    run(packages[0], "tstyche/build/bin.js", ["--config", join(folder, "tstyche.config.json")])
  )
)

const results = []
for (const on of chosen) results.push(await test(on))

const notRun = results.flatMap(({ notRun }) => notRun)
if (notRun.length > 0 && filters.length === 0) {
  console.log(`Not run:\n${notRun.map((title) => `  ${title}`).join("\n")}`)
}
const sum = (/** @type {"passed" | "failed"} */ key) => results.reduce((total, result) => total + result[key], 0)
console.log(`${sum("passed")} passed, ${sum("failed")} failed`)

const incomplete = process.env["CI"] === "true" && missing.length > 0
process.exitCode = typed.every((passed) => passed) && sum("failed") === 0 && !incomplete ? 0 : 1
