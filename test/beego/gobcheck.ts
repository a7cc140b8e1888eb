// Asks real beego, by the Go program in test/go/beego/gobcheck.
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Description } from "./describe.js"
import { buildGo } from "./goProgram.js"

export interface Generated {
  readonly hex: string
  readonly value: Description
}

export interface GobCheck {
  /** What real beego decodes from each stream. */
  readonly decode: (streams: ReadonlyArray<Uint8Array>) => ReadonlyArray<{ value?: Description; error?: string }>
  /** Each stream decoded and encoded again by real beego. */
  readonly recode: (streams: ReadonlyArray<Uint8Array>) => ReadonlyArray<{ hex?: string; error?: string }>
  /** Random sessions, encoded by real beego. */
  readonly generate: (seed: number, count: number) => ReadonlyArray<Generated>
  readonly close: () => void
}

/** Builds the program; once, since all its answers come in batches. */
export const makeGobCheck = async (): Promise<GobCheck> => {
  const folder = mkdtempSync(join(tmpdir(), "gobcheck-"))
  const program = await buildGo("gobcheck", folder)
  const run = (args: ReadonlyArray<string>, streams: ReadonlyArray<Uint8Array> = []) =>
    execFileSync(program, args, {
      input: streams.map((stream) => `${Buffer.from(stream).toString("hex")}\n`).join(""),
      maxBuffer: 1 << 30,
      encoding: "utf8"
    })
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line))
  return {
    decode: (streams) => run(["decode"], streams),
    recode: (streams) => run(["recode"], streams),
    generate: (seed, count) => run(["generate", String(seed), String(count)]),
    close: () => rmSync(folder, { recursive: true })
  }
}
