// The command as a process of its own, whose output somebody reads.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import * as program from "#test/program"
import { expect, it } from "#test/vitest"
import { root } from "../../scripts/programs.mjs"

it("ends without a word if nobody reads its output to the end, as `head` does not", async () => {
  const args = ["--import", "tsx", join(root, "src/cli/bin.ts"), "keys", "cookie"]
  const child = spawn(process.execPath, args, { cwd: root, env: program.env, stdio: ["ignore", "pipe", "pipe"] })
  child.stdout.destroy()
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit")])
  expect([code, said]).toEqual([1, ""])
}, 30_000)
