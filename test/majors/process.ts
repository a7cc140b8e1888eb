// Processes that have sessions on one version of Effect or the other.
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { createInterface } from "node:readline"
import * as Effect from "#effect/Effect"
import type * as own from "#test/bundling"
import { bundle } from "../support/bundle.js"

/** A request; `cookie` is its Cookie header. */
export interface Asked {
  readonly id: string
  readonly action: string
  readonly cookie?: string | undefined
}

/** The response; `cookie` is the Cookie header that follows from it, if it sets any. */
export interface Told {
  readonly id: string
  readonly status: number
  readonly body: string
  readonly cookie?: string | undefined
}

/** Makes a request. */
export type Ask = (action: string, cookie?: string) => Effect.Effect<Told>

/** Starts a process with these environment variables, which ends with the scope. */
export const start = (version: typeof own, variables: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const program = yield* Effect.promise(() => bundle(new URL("child.ts", import.meta.url), version))
    const env = { ...variables, SESSION_COOKIE_SECURE: "false", SESSION_TIMEOUT: "1 minute" }
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(version.node, [program], { env, stdio: ["pipe", "pipe", "inherit"] })),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const waiting = new Map<string, (told: Effect.Effect<Told>) => void>()
    createInterface(child.stdout).on("line", (line) => {
      const told: Told = JSON.parse(line)
      waiting.get(told.id)?.(Effect.succeed(told))
    })
    child.once("exit", () => {
      for (const resume of waiting.values()) resume(Effect.die("the process ended"))
    })
    const ask: Ask = (action, cookie) =>
      Effect.callback((resume) => {
        const asked: Asked = { id: randomUUID(), action, cookie }
        waiting.set(asked.id, resume)
        child.stdin.write(`${JSON.stringify(asked)}\n`)
      })
    return ask
  })
