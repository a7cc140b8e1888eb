// `npm run example` on Effect 3, `npm run example:effect4` on Effect 4: installs the packages that the demo needs, then
// runs it, with this process' environment and signals.
import { spawn } from "node:child_process"
import { join } from "node:path"
import { endWithNpm } from "./lifetime.mjs"
import { nodeOfEffect4, root } from "./programs.mjs"
import { setup } from "./setup.mjs"

endWithNpm()
const onEffect4 = process.argv.includes("--effect4")
if ((await setup(onEffect4 ? "example:effect4" : "example")).length > 0) process.exit(1)

const [node, tsconfig] = onEffect4
  ? [nodeOfEffect4, join(root, "effect4", "tsconfig.run.json")]
  : [process.execPath, join(root, "tsconfig.json")]
const demo = spawn(node, ["--import", "tsx", join(root, "example", "main.ts")], {
  env: { ...process.env, TSX_TSCONFIG_PATH: tsconfig },
  stdio: "inherit"
})
process.on("SIGTERM", () => demo.kill())
// A terminal sends Ctrl-C to both processes.
process.on("SIGINT", () => {})
demo.once("exit", (code) => process.exit(code ?? 1))
