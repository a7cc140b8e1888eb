// Child processes on cores of their own, where the system has taskset. They end with this process.
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { connect, createServer } from "node:net"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"

const children = new Set()
const folders = new Set()

const cleanUp = () => {
  for (const child of children) child.kill("SIGKILL")
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
process.on("exit", cleanUp)
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1))

const count = availableParallelism()
const canPin = count >= 2 && spawnSync("taskset", ["-c", "0", "true"]).status === 0

/**
 * Which cores do what: the server that is measured has one alone, a backend another, the load generator the rest. With two
 * cores, the backend shares the other with the load generator.
 */
export const cores = canPin
  ? { server: `${count - 1}`, backend: `${count - 2}`, load: count > 3 ? `0-${count - 3}` : "0" }
  : { server: undefined, backend: undefined, load: undefined }

/** How many threads the load generator can use. */
export const loadThreads = canPin ? Math.max(1, count - 2) : count

/** For a report: `who` is on the server's core. */
export const pinning = (who) =>
  canPin
    ? `${who} on core ${cores.server}, alone; a backend on core ${cores.backend}; a load generator on ${cores.load}`
    : "nothing pinned to cores (no taskset, or too few cores)"

/** Moves this process to the core of the server that is measured. */
export const pinThisProcess = () => {
  if (canPin) spawnSync("taskset", ["-a", "-c", "-p", cores.server, `${process.pid}`])
}

/** Starts a program. */
export const start = (core, program, args, options = {}) => {
  const child =
    core === undefined ? spawn(program, args, options) : spawn("taskset", ["-c", core, program, ...args], options)
  children.add(child)
  child.once("exit", () => children.delete(child))
  child.once("error", () => children.delete(child))
  return child
}

/** Runs a program to its end, and answers what it printed. */
export const run = (core, program, args) =>
  new Promise((resolve, reject) => {
    const child = start(core, program, args, { stdio: ["ignore", "pipe", "inherit"] })
    let text = ""
    child.stdout.on("data", (chunk) => {
      text += chunk
    })
    child.once("error", (error) =>
      reject(
        error.code === "ENOENT" ? new Error(`${program} is not installed (Debian: apt-get install ${program})`) : error
      )
    )
    child.once("close", (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${program} ended with ${code}: ${text}`))
    )
  })

/** Starts one of the servers of `http/server.mjs` on its own core. */
export const startServer = async (...args) => {
  const script = fileURLToPath(new URL("../http/server.mjs", import.meta.url))
  const child = start(cores.server, process.execPath, [script, ...args], {
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["ignore", "inherit", "inherit", "ipc"]
  })
  const message = (ask) =>
    new Promise((resolve, reject) => {
      const ended = () => reject(new Error(`the server "${args.join(" ")}" ended`))
      child.once("exit", ended)
      child.once("message", (answer) => {
        child.off("exit", ended)
        resolve(answer)
      })
      ask()
    })
  const { port } = await message(() => {})
  return {
    url: `http://127.0.0.1:${port}`,
    /** The processor time that it has used, in seconds. */
    cpu: () => message(() => child.send("cpu")),
    stop: () => child.kill("SIGKILL")
  }
}

export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

/** An empty folder, gone with this process. */
export const temporaryFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "effect-session-bench-"))
  folders.add(folder)
  return folder
}

const listens = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    socket.once("error", () => resolve(false))
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
  })

/** The processor time that a process has used, in seconds, where the system tells (proc(5)). */
const cpuOf = (pid) => {
  try {
    const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")
    const [user, system] = fields.split(" ").slice(11, 13)
    return (Number(user) + Number(system)) / 100
  } catch {
    return Number.NaN
  }
}

/** Starts a program that listens on `port` of 127.0.0.1, on the backend's core, and waits until it does. */
export const startBackend = async (program, args, port, options = {}) => {
  const child = start(cores.backend, program, args, { stdio: "ignore", ...options })
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await listens(port)) return Object.assign(() => child.kill("SIGKILL"), { cpu: () => cpuOf(child.pid) })
    await sleep(100)
  }
  throw new Error(`${program} does not listen: is it installed?`)
}

/** A redis-server, or another that takes its options, without persistence. */
export const startRedis = async (program = "redis-server") => {
  const port = await freePort()
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
  const stop = await startBackend(program, [...args, "--dir", temporaryFolder()], port)
  return { url: `redis://127.0.0.1:${port}`, stop, cpu: stop.cpu }
}
