// Builds the two packages, and packs each from a folder of its own: effect4's sources are the root's, which `npm pack`
// does not reach from there.
import { execFile } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { root } from "./programs.mjs"

const exec = promisify(execFile)

/** Where each package is described, and where it is built: beside `src`, so that its source maps lead there. */
const packages = [
  { from: root, built: join(root, "dist") },
  { from: join(root, "effect4"), built: join(root, "dist4") }
]

/**
 * Packs both into a folder.
 *
 * @param {string} to
 */
export const pack = (to) =>
  Promise.all(
    packages.map(async ({ built, from }) => {
      rmSync(built, { recursive: true, force: true })
      await exec("npx", ["tsc", "-p", join(from, "tsconfig.build.json")], { cwd: root })
      const manifest = JSON.parse(readFileSync(join(from, "package.json"), "utf8"))
      const stage = mkdtempSync(join(tmpdir(), "effect-session-pack-"))
      try {
        cpSync(join(from, "package.json"), join(stage, "package.json"))
        cpSync(built, join(stage, "dist"), { recursive: true })
        for (const name of [
          "README.md",
          "LICENSE",
          ...manifest.files.filter((/** @type {string} */ name) => name !== "dist")
        ]) {
          cpSync(join(root, name), join(stage, name), { recursive: true })
        }
        const options = ["--json", "--silent", "--ignore-scripts", "--pack-destination", to]
        const [{ filename }] = JSON.parse((await exec("npm", ["pack", ...options], { cwd: stage })).stdout)
        return { manifest, tarball: join(to, filename) }
      } finally {
        rmSync(stage, { recursive: true })
      }
    })
  )

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const { tarball } of await pack(process.cwd())) console.log(tarball)
}
