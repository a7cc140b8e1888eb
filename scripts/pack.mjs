// Builds the two packages, and packs each from a folder of its own: effect4's sources are the root's, which `npm pack`
// does not reach from there.
import { execFile } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { effect4, root } from "./programs.mjs"

const exec = promisify(execFile)

/** Where each package is described, and where it is built: beside `src`, so that its source maps lead there. */
const packages = [
  { from: root, built: join(root, "dist") },
  { from: effect4, built: join(root, "dist4") }
].map((paths) => ({ ...paths, manifest: JSON.parse(readFileSync(join(paths.from, "package.json"), "utf8")) }))

/** The package.json for Effect 3, and that for Effect 4. */
export const manifests = packages.map(({ manifest }) => manifest)

/**
 * The path of a package in a folder that both were packed into.
 *
 * @param {string} folder
 * @param {{ readonly name: string, readonly version: string }} manifest
 */
export const tarballOf = (folder, { name, version }) => join(folder, `${name}-${version}.tgz`)

/**
 * Packs both into a folder.
 *
 * @param {string} to
 */
export const pack = (to) =>
  Promise.all(
    packages.map(async ({ built, from, manifest }) => {
      rmSync(built, { recursive: true, force: true })
      await exec("npx", ["tsc", "-p", join(from, "tsconfig.build.json")], { cwd: root })
      const stage = mkdtempSync(join(tmpdir(), "effect-session-pack-"))
      try {
        cpSync(join(from, "package.json"), join(stage, "package.json"))
        cpSync(built, join(stage, "dist"), { recursive: true })
        const files = manifest.files.filter((/** @type {string} */ name) => name !== "dist")
        for (const name of [...files, "LICENSE", "README.md"]) {
          cpSync(join(root, name), join(stage, name), { recursive: true })
        }
        await exec("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", to], { cwd: stage })
      } finally {
        rmSync(stage, { recursive: true })
      }
    })
  )
