// `npm run bench`: installs the programs that the benchmarks need, builds the library as it is published, and runs the
// benchmarks one after the other. `npm run bench -- http --store redis` runs one, with its options. bench/README.md
// says what each one measures.
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { root } from "./programs.mjs"
import { setup } from "./setup.mjs"

const parts = ["http", "races", "express", "expressRaces", "memory", "provider", "cookie", "atRest", "gob", "gc"]
const [part, ...options] = process.argv.slice(2)

if (part !== undefined && !parts.includes(part)) {
  console.error(`There is no benchmark "${part}": ${parts.join(", ")}`)
  process.exit(1)
}

/**
 * Runs a Node script to its end, and returns whether it succeeded; a failure sets this script's exit code.
 *
 * @param {ReadonlyArray<string>} args
 */
const run = (args) => {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" })
  if (status !== 0) process.exitCode = 1
  return status === 0
}

if ((await setup("bench")).length > 0) process.exit(1)
const build = (/** @type {ReadonlyArray<string>} */ ...args) =>
  run([join("node_modules", "typescript", "bin", "tsc"), "-p", ...args])
// For Effect 4 beside its package.json, so that it is found from there.
const built =
  build("tsconfig.build.json") && build(join("effect4", "tsconfig.build.json"), "--outDir", join("effect4", "dist"))
if (built) {
  for (const name of part === undefined ? parts : [part]) run([join("bench", name, "run.mjs"), ...options])
}
