// `npm run fuzz -- 600 1234`: changes valid input at random for so many seconds (by default 60), from this seed on (by
// default a random one), and reads it as clients and backends could send it.
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { root } from "./programs.mjs"

const [seconds = "60", seed] = process.argv.slice(2)
const env = { ...process.env, FUZZ_SECONDS: seconds, ...(seed === undefined ? {} : { FUZZ_SEED: seed }) }
const vitest = join(root, "node_modules", "vitest", "vitest.mjs")
const args = [vitest, "run", "--reporter=verbose", "test/fuzz"]
process.exit(spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", env }).status ?? 1)
