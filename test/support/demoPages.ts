/**
 * The demo as a process of its own, and what axe finds wrong with its pages.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import type { AxeResults } from "axe-core"
import type { Page } from "playwright-core"
import * as program from "#test/program"
import { root } from "../../scripts/programs.mjs"

export interface Demo {
  /** Ends it as an operator does, and returns the exit code. */
  readonly stop: () => Promise<number | null>
}

/** Starts the demo; it listens when this resolves. */
export const startDemo = async (port: number, variables: Readonly<Record<string, string>> = {}): Promise<Demo> => {
  const demo = spawn(process.execPath, ["--import", "tsx", join(root, "example/main.ts")], {
    cwd: root,
    env: { ...program.env, PORT: String(port), ...variables },
    stdio: ["ignore", "pipe", "inherit"]
  })
  const ended = once(demo, "exit") as Promise<[number | null]>
  await Promise.race([once(demo.stdout, "data"), ended])
  if (demo.exitCode !== null) throw new Error(`the demo ended with ${demo.exitCode}`)
  return {
    stop: async () => {
      demo.kill()
      return (await ended)[0]
    }
  }
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

/** What axe finds wrong with a page, in the light and in the dark theme. */
export const violations = async (page: Page): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme })
    await page.evaluate(axe)
    const { passes, violations } = (await page.evaluate("axe.run()")) as AxeResults
    if (!passes.some(({ id }) => id === "color-contrast")) found.push(`${colorScheme}: no text was looked at`)
    found.push(...violations.map(({ id, nodes }) => `${colorScheme}: ${id}: ${nodes[0]!.html}`))
  }
  return found
}
