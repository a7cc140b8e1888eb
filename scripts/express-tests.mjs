// `npm run express-tests -- ../session`: runs express-session's published tests, from a checkout of it in which `npm install` was
// run, with the store of `effect-session/express-store` in place of its MemoryStore: on each backend, on both versions of Effect.
// Says how many pass, and fails if any does not. `npm run express-tests -- ../session redis,file` runs them on these alone.
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { build } from "esbuild"
import { effect4, findProgram, nodeOfEffect4, root } from "./programs.mjs"

const all = ["memory", "file", "sqlite", "redis"]
const [checkout, chosen = all.join(",")] = process.argv.slice(2)
const backends = chosen.split(",")
const from = checkout === undefined ? "" : resolve(checkout)
const mocha = join(from, "node_modules", "mocha", "bin", "mocha.js")

const unless = (/** @type {boolean} */ isRight, /** @type {string} */ message) => {
  if (!isRight) {
    console.error(message)
    process.exit(1)
  }
}
unless(checkout !== undefined, "npm run express-tests -- <a checkout of expressjs/session> [<backends>]")
unless(existsSync(join(from, "test", "session.js")), `${from} is no checkout of expressjs/session`)
unless(existsSync(mocha), `run npm install in ${from}`)
unless(
  backends.every((name) => all.includes(name)),
  `the backends are ${all.join(", ")}`
)
unless(!backends.includes("redis") || findProgram("redis-server") !== undefined, "redis-server is missing")

const work = mkdtempSync(join(tmpdir(), "effect-session-express-"))
process.once("exit", () => rmSync(work, { recursive: true, force: true }))

/** The store and the providers, for one version of Effect, as a module that uses the checkout's express-session. */
const bundle = async (
  /** @type {{ readonly folder: string, readonly alias: Record<string, string> }} */ { alias, folder }
) => {
  // Among the packages, so that the drivers are found.
  const outfile = join(folder, "node_modules", ".cache", "effect-session", `express-tests-${process.pid}.mjs`)
  process.once("exit", () => rmSync(outfile, { force: true }))
  await build({
    stdin: {
      contents: `
        import * as File from "./src/file.ts"
        import * as Memory from "./src/memory.ts"
        import * as Redis from "./src/redis.ts"
        import * as Sqlite from "./src/sqlite.ts"
        export { make } from "./src/express-store.ts"
        export const layers = {
          memory: () => Memory.layer(),
          file: (folder) => File.layer({ directory: folder + "/sessions" }),
          sqlite: (folder) => Sqlite.layer({ filename: folder + "/sessions.db" }),
          redis: (_, number) => Redis.layer({ url: process.env.REDIS_URL, prefix: "test-" + process.pid + "-" + number + ":" })
        }`,
      resolveDir: root,
      loader: "ts"
    },
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    alias,
    external: ["better-sqlite3", "ioredis"],
    plugins: [
      {
        name: "express-session",
        setup: ({ onResolve }) =>
          onResolve({ filter: /^express-session$/ }, () => ({
            path: pathToFileURL(join(from, "index.js")).href,
            external: true
          }))
      }
    ],
    logLevel: "error"
  })
  return outfile
}

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address())
      server.close(() => resolve(port))
    })
  })

/** Starts a Redis that keeps nothing, and returns its address. */
const startRedis = async () => {
  const port = await freePort()
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--dir", work]
  const server = spawn(findProgram("redis-server") ?? "", args, { stdio: ["ignore", "pipe", "inherit"] })
  process.once("exit", () => server.kill())
  await new Promise((resolve, reject) => {
    server.once("exit", () => reject(new Error("redis-server ended")))
    server.stdout.on("data", (text) => /Ready to accept/.test(text) && resolve(undefined))
  })
  return `redis://127.0.0.1:${port}`
}

if (!existsSync(join(from, "test", "fixtures", "server.crt"))) {
  spawnSync("sh", ["test/support/gencert.sh"], { cwd: from, stdio: "ignore" })
}

const majors = [
  { effect: "3", node: process.execPath, folder: root, alias: {} },
  {
    effect: "4",
    node: nodeOfEffect4,
    folder: effect4,
    alias: { "#effect": join(effect4, "node_modules", "effect", "dist"), "#dialect": join(effect4, "dialect") }
  }
]
const redis = backends.includes("redis") ? await startRedis() : ""
const preload = join(dirname(fileURLToPath(import.meta.url)), "expressStores.mjs")
for (const major of majors) {
  const module = await bundle(major)
  for (const backend of backends) {
    const report = join(work, `${major.effect}-${backend}.json`)
    const args = ["--require", "test/support/env", "--require", preload, "--check-leaks", "--exit"]
    // Effect has a global variable while a fiber runs; and a busy machine takes longer than mocha's 2 seconds.
    args.push("--global", "effect/*", "--global", "~effect/*", "--timeout", "60000")
    const output = ["--reporter", "json", "--reporter-option", `output=${report}`, "test/"]
    const env = { ...process.env, STORE_MODULE: module, STORE_BACKEND: backend, STORE_WORK: work, REDIS_URL: redis }
    spawnSync(major.node, [mocha, ...args, ...output], { cwd: from, env, stdio: ["ignore", "ignore", "inherit"] })
    const { failures = [], stats = { failures: 0, passes: 0, tests: 0 } } = existsSync(report)
      ? JSON.parse(readFileSync(report, "utf8"))
      : {}
    console.log(`Effect ${major.effect}, ${backend}: ${stats.passes} of ${stats.tests} pass`)
    for (const { err, fullTitle } of failures) {
      console.log(`  ${fullTitle}\n    ${err.message}`)
    }
    if (stats.tests === 0 || stats.passes < stats.tests || stats.failures > 0) process.exitCode = 1
  }
}
// Ends redis-server.
process.exit()
