/**
 * A program that a page shows whole, as a process of its own.
 */
import { spawn } from "node:child_process"
import { join } from "node:path"
import * as Effect from "#effect/Effect"
import * as program from "#test/program"
import { root } from "../../scripts/programs.mjs"
import { freePorts } from "../servers/Process.js"

/** Starts it for as long as the scope is open, and returns its port, on which it may not listen yet. */
export const started = (name: string) =>
  Effect.gen(function* () {
    const [port] = yield* Effect.promise(() => freePorts(1))
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--import", "tsx", join(root, program.pages, name)], {
          cwd: root,
          env: { ...program.env, PORT: `${port}` },
          stdio: "ignore"
        })
      ),
      (program) => Effect.sync(() => program.kill("SIGKILL"))
    )
    return port!
  })
