// Builds the two packages, and packs each from a folder of its own: effect4's sources are the root's, which `npm pack`
// does not reach from there. `npm run pack -- <folder>` writes both tarballs to a folder, and says where they are.
import { execFile, spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { effect4, root, tsc } from "./programs.mjs"
import { setup } from "./setup.mjs"

const exec = promisify(execFile)

/** Where each package is described, and where it is built: beside `src`, so that its source maps lead there. */
const packages = [
  { from: root, built: join(root, "dist"), directory: undefined },
  { from: effect4, built: join(root, "dist4"), directory: "effect4" }
].map((paths) => ({ ...paths, manifest: JSON.parse(readFileSync(join(paths.from, "package.json"), "utf8")) }))

/**
 * The address of the repository: GitHub's CI names it, and npm publishes a provenance only for a package that names the
 * same; elsewhere it is that of the clone. Undefined if that is no address on the web.
 *
 * @returns {string | undefined}
 */
const repositoryUrl = () => {
  const { GITHUB_REPOSITORY, GITHUB_SERVER_URL } = process.env
  if (GITHUB_REPOSITORY !== undefined) return `git+${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}.git`
  const { stdout } = spawnSync("git", ["remote", "get-url", "origin"], { cwd: root, encoding: "utf8" })
  const [, host, path] =
    /^(?:https:\/\/|ssh:\/\/git@|git@)([^/:]+)[/:](.+?)(?:\.git)?$/.exec(stdout?.trim() ?? "") ?? []
  return host && `git+https://${host}/${path}.git`
}

const url = repositoryUrl()

/** What is published of a package.json. */
const complete = (/** @type {any} */ manifest, /** @type {string | undefined} */ directory) =>
  url === undefined
    ? manifest
    : { ...manifest, repository: { type: "git", url, ...(directory === undefined ? {} : { directory }) } }

/** The package.json for Effect 3, and that for Effect 4. */
export const manifests = packages.map(({ directory, manifest }) => complete(manifest, directory))

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
    packages.map(async ({ built, directory, from, manifest }) => {
      rmSync(built, { recursive: true, force: true })
      // What is packed was checked: `npm run check` comes first.
      await exec("node", [tsc, "-p", join(from, "tsconfig.build.json"), "--noCheck"], { cwd: root })
      const stage = mkdtempSync(join(tmpdir(), "effect-session-pack-"))
      try {
        writeFileSync(join(stage, "package.json"), `${JSON.stringify(complete(manifest, directory), null, 2)}\n`)
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

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  if ((await setup("check")).length > 0) process.exit(1)
  const to = resolve(process.argv[2] ?? ".")
  mkdirSync(to, { recursive: true })
  await pack(to)
  for (const manifest of manifests) console.log(tarballOf(to, manifest))
}
