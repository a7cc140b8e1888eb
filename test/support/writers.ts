// Starts, awaits and kills processes that write to one directory, for the tests of the providers that keep files. See
// fileWriter.ts.
import { strict as assert } from "node:assert"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import type { SessionProvider } from "effect-session"
import { afterEach, beforeAll } from "vitest"
import * as Effect from "#effect/Effect"
import * as Option from "#effect/Option"
import { bundle } from "./bundle.js"
import { numberIn } from "./filePayload.js"

export const forever = "1000000000"

export const times = <A>(n: number, f: (i: number) => A): ReadonlyArray<A> => Array.from({ length: n }, (_, i) => f(i))

/** The number that the session holds; fails if it is torn. */
export const number = (stored: Option.Option<SessionProvider.Stored>): number =>
  numberIn(Option.getOrThrow(stored).payload)

/** Waits for the first output of a process. */
export const ready = (child: ChildProcess) =>
  Effect.promise(() =>
    Promise.race([once(child.stdout!, "data"), once(child, "exit").then(() => assert.fail("the writer ended"))])
  )

export const kill = (child: ChildProcess) =>
  Effect.promise(async () => {
    const exited = once(child, "exit")
    child.kill("SIGKILL")
    await exited
  })

export const ended = (child: ChildProcess) => Effect.promise(async () => (await once(child, "exit"))[0] as unknown)

/** Makes writers for the tests of one test file. Writers that are still running after a test are killed. */
export const writersOf = (layout: "file" | "beego") => {
  let program = ""
  beforeAll(async () => {
    program = await bundle(new URL("fileWriter.ts", import.meta.url))
  })

  const started = new Set<ChildProcess>()
  afterEach(() => {
    for (const child of started) child.kill("SIGKILL")
    started.clear()
  })

  const start = (command: string, args: ReadonlyArray<string>): ChildProcess => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] })
    started.add(child)
    return child
  }

  return {
    writer: (...args: ReadonlyArray<string>) => start(process.execPath, [program, layout, ...args]),
    /** Starts a writer whose files cannot be larger than this many blocks of 1 KiB, as on a full disk. */
    limitedWriter: (blocks: number, ...args: ReadonlyArray<string>) =>
      start("bash", ["-c", `ulimit -f ${blocks} && exec "$0" "$@"`, process.execPath, program, layout, ...args])
  }
}
