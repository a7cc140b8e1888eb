// The parts that the tests' servers share: a temporary folder, a free port, a process that is started, awaited and
// signalled, and a scope that ends them all. All waiting uses plain promises: a test's TestClock must not stop it.
import { type ChildProcess, spawn } from "node:child_process"
import { chownSync, mkdtempSync, rmSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { isAbsolute, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { findProgram } from "../../scripts/programs.mjs"
import { bundle } from "../support/bundle.js"
import { family, isAlive, isStopped } from "./proc.js"

export const host = "127.0.0.1"

/**
 * The time that a server has to respond after its start, and to end when it is asked to: generous, for a busy machine
 * with two cores.
 */
const startMillis = 60_000
const stopMillis = 10_000

/**
 * The control of a test over a server, or over several at once. Each step is done when its effect ends: `start` waits
 * until the server responds.
 */
export interface Control {
  /** The temporary folder that all of its data is in. */
  readonly folder: string
  /** The processes that run now, with their children. */
  readonly pids: () => ReadonlyArray<number>
  /** Asks it to end (SIGTERM), then insists (SIGKILL). The data and the port stay. */
  readonly stop: Effect.Effect<void>
  /** Starts it again on the same port and data. */
  readonly start: Effect.Effect<void>
  /** SIGKILL: the server writes nothing more. */
  readonly kill: Effect.Effect<void>
  /** SIGSTOP: connections stay open, the system still accepts new ones, but no reply comes. */
  readonly pause: Effect.Effect<void>
  /** SIGCONT. */
  readonly resume: Effect.Effect<void>
}

export interface Server extends Control {
  readonly host: string
  readonly port: number
  readonly url: string
}

/** The command that runs a server program. */
export interface Command {
  readonly name: string
  readonly program: string
  readonly args: ReadonlyArray<string>
  /** Rejects until the server responds. It gets the last output of the server since its start. */
  readonly answers: (output: string) => Promise<unknown>
  readonly stopSignal?: NodeJS.Signals
  readonly user?: User | undefined
}

export interface User {
  readonly uid: number
  readonly gid: number
}

/** A started program. It outlives its operating-system process: stop, and start again. */
class Process {
  private child: ChildProcess | undefined
  constructor(
    private readonly command: Command,
    private readonly folder: string
  ) {}

  get pids(): ReadonlyArray<number> {
    const pid = this.child?.pid
    return pid === undefined ? [] : family(pid)
  }

  async start(): Promise<void> {
    if (this.child !== undefined) return
    const { command, folder } = this
    const [program, ...args] = tiedToUs(command)
    const child = spawn(program!, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] })
    this.child = child
    let output = ""
    const read = (bytes: Buffer) => {
      output = (output + bytes.toString("utf8")).slice(-10_000)
    }
    child.stdout.on("data", read)
    child.stderr.on("data", read)
    let ended: string | undefined
    child.once("error", (error) => {
      ended = error.message
      this.child = undefined
    })
    child.once("exit", (code, signal) => {
      ended = `ended with ${signal ?? code}`
      this.child = undefined
    })
    await until(
      () => command.answers(output),
      startMillis,
      () => ended !== undefined
    ).catch((error) => {
      throw new Error(`${command.name} ${ended ?? `does not answer: ${error}`}\n${output}`)
    })
  }

  async stop(): Promise<void> {
    this.signal("SIGCONT")
    await this.end(this.child?.pid === undefined ? [] : [this.child.pid], this.command.stopSignal ?? "SIGTERM")
    await this.kill()
  }

  kill(): Promise<void> {
    return this.end(this.pids, "SIGKILL")
  }

  /** Sends a signal to the process and its children: PostgreSQL, for example, has a child for each connection. */
  signal(signal: NodeJS.Signals): void {
    for (const pid of this.pids) send(pid, signal)
  }

  /** Waits until each thread has stopped: before that, a server may still respond. */
  async pause(): Promise<void> {
    this.signal("SIGSTOP")
    await until(async () => {
      if (!this.pids.every(isStopped)) throw new Error(`${this.command.name} does not stop`)
    })
  }

  private async end(targets: ReadonlyArray<number>, signal: NodeJS.Signals): Promise<void> {
    const pids = this.pids
    for (const pid of targets) send(pid, signal)
    const deadline = Date.now() + stopMillis
    while ((pids.some(isAlive) || this.child !== undefined) && Date.now() < deadline) await sleep(5)
  }
}

/**
 * A temporary folder and the processes that run in it. Each `make` of a server gets one, and all that `make` started
 * ends with the scope, even if `make` failed half-way.
 */
export class Workspace {
  readonly folder: string
  private readonly processes: Array<Process> = []
  private closed = false

  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `effect-session-${name}-`))
  }

  /** Gives the folder to the user that a server runs as. */
  ownedBy(user: User | undefined): void {
    if (user !== undefined) chownSync(this.folder, user.uid, user.gid)
  }

  async run(command: Command): Promise<Control> {
    if (this.closed) throw new Error(`${command.name} is not started: its scope is closed`)
    const started = new Process(command, this.folder)
    this.processes.push(started)
    await started.start()
    return {
      folder: this.folder,
      pids: () => started.pids,
      start: Effect.promise(() => started.start()),
      stop: Effect.promise(() => started.stop()),
      kill: Effect.promise(() => started.kill()),
      pause: Effect.promise(() => started.pause()),
      resume: Effect.sync(() => started.signal("SIGCONT"))
    }
  }

  async close(): Promise<void> {
    this.closed = true
    await Promise.all(this.processes.map((started) => started.stop()))
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** A server for the length of a scope. */
export const acquire = <A>(
  name: string,
  make: (workspace: Workspace) => Promise<A>
): Effect.Effect<A, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Workspace(name)),
    (workspace) => Effect.promise(() => workspace.close())
  ).pipe(Effect.flatMap((workspace) => Effect.promise(() => make(workspace))))

/** Several servers under one control. `start` also waits until they agree with each other. */
export const together = (members: ReadonlyArray<Control>, agree: () => Promise<unknown>): Control => {
  const all = (step: "start" | "stop" | "kill" | "pause" | "resume") =>
    Effect.forEach(members, (member) => member[step], { concurrency: "unbounded", discard: true })
  return {
    folder: members[0]!.folder,
    pids: () => members.flatMap((member) => member.pids()),
    start: Effect.andThen(all("start"), Effect.promise(agree)),
    stop: all("stop"),
    kill: all("kill"),
    pause: all("pause"),
    resume: all("resume")
  }
}

/**
 * Finds free TCP ports, below the range that the system gives to outgoing connections: otherwise a client of a stopped
 * server's port could be given that same port and connect to itself. A Redis cluster also uses each port + 10000.
 */
export const freePorts = async (count: number): Promise<ReadonlyArray<number>> => {
  const ports: Array<number> = []
  while (ports.length < count) {
    // Counted on before anything is awaited: servers that start side by side ask at the same time.
    const port = first + (asked++ % ownPorts)
    if ((await isFree(port)) && (await isFree(port + 10_000))) ports.push(port)
  }
  return ports
}

/**
 * How many ports a process has to itself: between the check that one is free and the server that listens there, another
 * process must not choose it.
 */
const ownPorts = 1_000
const first = 11_000 + (Number(process.env["VITEST_POOL_ID"] ?? process.pid) % 10) * ownPorts
/** Where it begins among them is chance: the programs that a test starts have the same ones. */
let asked = Math.floor(Math.random() * ownPorts)

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once("error", () => resolve(false))
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })

/** Sends a line to a text protocol and waits for a reply that matches. */
export const ask = (port: number, line: string, expected: RegExp): Promise<RegExpMatchArray> =>
  new Promise((resolve, reject) => {
    let reply = ""
    const socket = connect(port, host, () => socket.write(`${line}\r\n`))
    const fail = (why: string) => {
      socket.destroy()
      reject(new Error(`${line.split(" ")[0]} on port ${port}: ${why} ${reply.slice(0, 500)}`))
    }
    socket.setTimeout(500, () => fail("no such answer"))
    socket.on("error", (error) => fail(error.message))
    socket.on("end", () => fail("hung up"))
    socket.on("data", (bytes) => {
      reply += bytes.toString("latin1")
      const match = expected.exec(reply)
      if (match !== null) {
        socket.destroy()
        resolve(match)
      }
    })
  })

/** Repeats an attempt until it succeeds; fails with the last error if the time is over or the attempt is `hopeless`. */
export const until = async <A>(
  attempt: () => Promise<A>,
  millis: number = startMillis,
  hopeless: () => boolean = () => false
): Promise<A> => {
  const deadline = Date.now() + millis
  while (true) {
    try {
      return await attempt()
    } catch (error) {
      if (hopeless() || Date.now() > deadline) throw error
    }
    await sleep(20)
  }
}

/** A server of our own: a TypeScript file beside this one. */
export const typescript = async (
  file: string,
  ...args: ReadonlyArray<string>
): Promise<Pick<Command, "program" | "args">> => ({
  program: process.execPath,
  args: [await bundle(new URL(file, import.meta.url)), ...args]
})

/** Runs a program to its end, such as one that prepares a server's data. */
export const runToEnd = (program: string, args: ReadonlyArray<string>, user?: User) =>
  new Promise<string>((resolve, reject) => {
    const child = spawn(needed(program), args, { stdio: ["ignore", "pipe", "pipe"], cwd: tmpdir(), ...user })
    let output = ""
    child.stdout.on("data", (bytes) => (output += bytes))
    child.stderr.on("data", (bytes) => (output += bytes))
    child.once("error", reject)
    child.once("close", (code) => (code === 0 ? resolve(output) : reject(new Error(`${program}: ${code}\n${output}`))))
  })

/**
 * Makes the system end the server when the process that started it ends for any reason, so that a killed test run
 * leaves no server behind.
 */
const tiedToUs = ({ args, program, user }: Command): ReadonlyArray<string> => {
  const setpriv = findProgram("setpriv")
  if (setpriv === undefined) return [needed(program), ...args]
  const asUser = user === undefined ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"]
  return [setpriv, "--pdeathsig=KILL", ...asUser, "--", needed(program), ...args]
}

const needed = (program: string): string => {
  const path = isAbsolute(program) ? program : findProgram(program)
  if (path === undefined) throw new Error(`${program} is not installed`)
  return path
}

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // it has ended already
  }
}
