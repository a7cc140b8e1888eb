// The Go programs in test/go/beego, which import real beego.
import { execFile } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { findProgram, goFlags } from "../../scripts/programs.mjs"

const source = fileURLToPath(new URL("../go/beego", import.meta.url))

/** A cold build fetches beego and compiles it. */
export const buildMillis = 300_000

/** Builds a program into a folder, and answers its path. */
export const buildGo = async (name: string, folder: string): Promise<string> => {
  const program = join(folder, name)
  await promisify(execFile)(findProgram("go")!, ["build", ...goFlags, "-o", program, `./${name}`], { cwd: source })
  return program
}
