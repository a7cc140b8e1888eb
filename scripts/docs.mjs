// `npm run docs`: installs what the documentation site needs, and builds it in site/.vitepress/dist: the reference from
// the comments of src, then all pages. `npm run docs -- --serve` shows it after that. Other arguments go to VitePress:
// `--outDir=<folder>`, `--base=/effect-session/`.
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { endWithNpm } from "./lifetime.mjs"
import { root } from "./programs.mjs"
import { setup } from "./setup.mjs"

const site = join(root, "site")
const options = process.argv.slice(2).filter((argument) => argument !== "--serve")

/**
 * Runs a program of the site's packages to its end, and ends this script if it fails.
 *
 * @param {string} program
 * @param {ReadonlyArray<string>} args
 */
const run = (program, ...args) => {
  const { status } = spawnSync(process.execPath, [join(site, "node_modules", program), ...args], {
    cwd: site,
    stdio: "inherit"
  })
  if (status !== 0) process.exit(1)
}

endWithNpm()
if ((await setup("docs")).length > 0) process.exit(1)
run("typedoc/bin/typedoc", "--options", "typedoc.mjs")
run("vitepress/bin/vitepress.js", "build", ...options)
if (process.argv.includes("--serve")) run("vitepress/bin/vitepress.js", "preview", ...options)
